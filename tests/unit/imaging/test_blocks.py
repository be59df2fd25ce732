"""What a whole file says about itself, through the decoders of every format."""

import hashlib
import struct
from typing import Any

import pytest
from PIL import PngImagePlugin, TiffImagePlugin

from crawlset import embedded
from crawlset.embedded import Embedded
from crawlset.imaging import blocks
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.decode import describe
from crawlset.imaging.features import MAX_ANSWER_BYTES, Features
from crawlset.imaging.pool import DecodePool
from tests.unit.imaging import pictures
from tests.unit.imaging import raw_blocks as raw
from tests.unit.imaging.raw_blocks import dataset, exif_block, place, raw_profile, resource, text
from tests.unit.imaging.test_xmp_fields import creators, described

EXIF = exif_block([text(raw.MAKE, "Canon")], gps=place([(48, 1)], [(2, 1)]))
XMP = described(attributes='photoshop:Credit="Agency"')
IPTC = dataset(2, 80, b"Ida")
SAID = {
    "make": "Canon", "credit_line": "Agency", "creator": "Ida", "latitude": 48.0, "longitude": 2.0,
}  # fmt: skip


def said_by(data: bytes) -> Embedded:
    seen = describe(data)
    assert isinstance(seen, Features)
    return seen.embedded


def with_photoshop(data: bytes, *parts: bytes) -> bytes:
    """A JPEG with segments of Photoshop's resources."""
    bodies = [b"Photoshop 3.0\0" + part for part in parts]
    segments = [struct.pack(">HH", 0xFFED, 2 + len(body)) + body for body in bodies]
    return data[:2] + b"".join(segments) + data[2:]


def png(named: dict[str, str], *, compressed: bool = False, behind: bool = False) -> bytes:
    """A PNG with texts by keyword, before the picture or behind it."""
    info = PngImagePlugin.PngInfo()
    for keyword, stated in named.items():
        info.add_text(keyword, stated, zip=compressed)
    data = pictures.encoded("PNG", pnginfo=info)
    if not behind:
        return data
    chunk = next(c for c in (b"tEXt", b"zTXt", b"iTXt") if c in data)
    at = data.index(chunk) - 4
    end = at + 12 + int.from_bytes(data[at : at + 4])
    return data[:at] + data[end:-12] + data[at:end] + data[-12:]


class TestOfFiles:
    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    def test_jpeg(self, mode: str) -> None:
        """A CMYK picture takes another road, through Pillow."""
        data = pictures.jpeg(mode, exif=b"Exif\0\0" + EXIF, xmp=XMP)

        assert said_by(with_photoshop(data, resource(0x0404, IPTC))) == SAID

    def test_jpeg_whose_iptc_is_in_two_segments(self) -> None:
        packed = resource(0x0404, IPTC)

        said = said_by(with_photoshop(pictures.jpeg(), packed[:9], packed[9:]))

        assert said == {"creator": "Ida"}

    def test_webp(self) -> None:
        data = pictures.encoded("WEBP", exif=b"Exif\0\0" + EXIF, xmp=XMP)

        assert said_by(data) == {k: v for k, v in SAID.items() if k != "creator"}

    def test_gif(self) -> None:
        tail = b"\1" + bytes(range(255, -1, -1)) + b"\0"
        extension = b"\x21\xff\x0bXMP DataXMP" + XMP + tail

        assert said_by(pictures.encoded("GIF")[:-1] + extension + b";") == {"credit_line": "Agency"}

    def test_png(self) -> None:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        info.add_itxt("Author", "Zoë")

        said = said_by(pictures.encoded("PNG", exif=EXIF, pnginfo=info))

        assert said == SAID | {"creator": "Zoë"}

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
    def test_png_whose_text_is_in_another_encoding_than_its_own(self, encoding: str) -> None:
        """A `tEXt` has Latin-1 (https://www.w3.org/TR/png-3/#11tEXt), and programs write UTF-8."""
        info = PngImagePlugin.PngInfo()
        info.add(b"tEXt", b"Author\0" + "Zoë Ørsted".encode(encoding))

        assert said_by(pictures.encoded("PNG", pnginfo=info)) == {"creator": "Zoë Ørsted"}

    @pytest.mark.parametrize("name", ["exif", "APP1"])
    @pytest.mark.parametrize("behind", [False, True])
    @pytest.mark.parametrize("compressed", [False, True])
    def test_png_whose_blocks_are_texts(self, compressed: bool, behind: bool, name: str) -> None:
        """exiv2 compresses them, ImageMagick may not (armijnhemel/binaryanalysis-ng/issues/387)."""
        exif = raw_profile(name, b"Exif\0\0" + EXIF)
        by_text = {f"Raw profile type {name}": exif}

        assert said_by(png(by_text, compressed=compressed, behind=behind))["make"] == "Canon"

    @pytest.mark.parametrize("block", [IPTC, resource(0x0404, IPTC)])
    def test_png_whose_iptc_is_a_text(self, block: bytes) -> None:
        by_text = {"Raw profile type iptc": raw_profile("iptc", block)}

        assert said_by(png(by_text | {"Copyright": "(c) Ida"})) == {
            "creator": "Ida",
            "copyright_notice": "(c) Ida",
        }

    @pytest.mark.parametrize(
        "text", ["", "exif", "\nexif\n 8\nxyz", "\nexif\n 8\n0", " " * 300_000]
    )
    def test_png_whose_text_is_no_block(self, text: str) -> None:
        assert said_by(png({"Raw profile type exif": text})) == {}

    def test_tiff(self) -> None:
        """Which is an EXIF block itself."""
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[raw.MAKE] = "Canon"
        tags.tagtype[33723] = 7
        tags[33723] = IPTC
        data = pictures.encoded("TIFF", tiffinfo=tags)

        assert blocks.read(blocks.in_picture(data, {}, XMP)) == {
            "make": "Canon", "credit_line": "Agency", "creator": "Ida",
        }  # fmt: skip

    def test_tiff_whose_iptc_is_in_words(self) -> None:
        """GIMP and ImageMagick write it so: https://github.com/SixLabors/ImageSharp/pull/1456."""
        data = exif_block([(33723, 4, IPTC)])

        assert blocks.read(blocks.in_picture(data, {}, None)) == {"creator": "Ida"}

    def test_one_without_any(self) -> None:
        for image_format in ("JPEG", "PNG", "WEBP", "GIF"):
            assert said_by(pictures.encoded(image_format)) == {}

    def test_is_read_in_a_child_that_can_open_nothing(self) -> None:
        """All codecs are there before the child is confined, and the longest answer is taken."""
        most = "\U0001f600x" * embedded.MAX_TEXT
        fields = "".join(
            f"<{name}>{most}</{name}>"
            for name in ("dc:creator", "dc:rights", "photoshop:Credit", "tiff:Model",
                         "xmpRights:UsageTerms")
        )  # fmt: skip
        address = "\U0001f600x" * (embedded.MAX_TEXT // 2)
        licensor = (
            f'<plus:Licensor><rdf:Seq><rdf:li plus:LicensorName="{most}"'
            f' plus:LicensorURL="{address}"/></rdf:Seq></plus:Licensor>'
            f"<xmpRights:WebStatement>{address}</xmpRights:WebStatement>"
        )
        exif = exif_block([text(raw.MAKE, "カメラ".encode("cp932"))])
        data = pictures.encoded("WEBP", exif=exif, xmp=described(fields + licensor))
        answers: list[Any] = []
        pool = DecodePool(1)
        try:
            answers += pool.decode_all([data])
        finally:
            pool.close()

        (seen,) = answers
        assert isinstance(seen, Features)
        assert seen.embedded["make"] == "カメラ"
        assert len(seen.embedded) == 9
        assert sum(len(str(value)) for value in seen.embedded.values()) > 7 * embedded.MAX_TEXT
        assert MAX_ANSWER_BYTES == 1 << 16


class TestTexts:
    def test_are_taken_as_they_are_where_they_cannot_be_latin(self) -> None:
        assert blocks.read(Blocks(texts={"Author": "山田"})) == {"creator": "山田"}


class TestPrecedence:
    """MWG 2.0 as in lib/Image/ExifTool/MWG.pm of https://github.com/exiftool/exiftool."""

    EXIF = exif_block([text(raw.ARTIST, "EXIF")])
    XMP = described(creators("XMP"))
    IPTC = dataset(2, 80, b"IPTC")

    @pytest.mark.parametrize(
        ("exif", "xmp", "iptc", "creator"),
        [
            (EXIF, XMP, IPTC, "EXIF"),
            (exif_block([text(raw.ARTIST, "   ")]), XMP, IPTC, "XMP"),
            (b"", XMP, IPTC, "XMP"),
            (b"", b"", IPTC, "IPTC"),
            (b"", b"", b"", "PNG"),
        ],
    )
    def test_is_exif_then_xmp_then_iptc(
        self, exif: bytes, xmp: bytes, iptc: bytes, creator: str
    ) -> None:
        packed = resource(0x0404, iptc) if iptc else b""

        assert blocks.read(Blocks(exif, packed, xmp, {"Author": "PNG"})) == {"creator": creator}

    @pytest.mark.parametrize(
        ("digest", "creator"),
        [
            (hashlib.md5(IPTC, usedforsecurity=False).digest(), "XMP"),
            (hashlib.md5(b"older", usedforsecurity=False).digest(), "IPTC"),
            (bytes(16), "XMP"),
        ],
    )
    def test_is_iptc_where_it_was_changed_after_the_xmp(self, digest: bytes, creator: str) -> None:
        packed = resource(0x0404, self.IPTC) + resource(0x0425, digest)

        assert blocks.read(Blocks(b"", packed, self.XMP)) == {"creator": creator}

    @pytest.mark.parametrize("mode", ["RGB", "CMYK"])
    def test_is_the_same_by_either_decoder(self, mode: str) -> None:
        packed = resource(0x0404, self.IPTC) + resource(0x0425, b"\1" * 16)
        data = with_photoshop(pictures.jpeg(mode, xmp=self.XMP), packed)

        assert said_by(data) == {"creator": "IPTC"}

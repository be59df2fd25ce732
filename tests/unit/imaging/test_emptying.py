"""Metadata taken out of the formats that are not JPEG, PNG, WebP or GIF, no pixel changed."""

import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.opening import open_picture
from crawlset.imaging.stripping import strip, stripped
from crawlset.outcomes import Outcome
from tests.unit.imaging import files, pictures
from tests.unit.imaging.photographs import PACKET, RIGHTS, SECRET, photograph
from tests.unit.imaging.xmp_packets import DEEP

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


EXIF = b"II*\0\x08\0\0\0\0\0" + SECRET.encode()


def jxl(packet: bytes = PACKET, exif: bytes = EXIF) -> bytes:
    data = files.jxl(files.picture(), usecontainer=True)
    at = data.index(b"jxlc") - 4
    about = box(b"Exif", bytes(4) + exif) + box(b"xml ", packet)
    return data[:at] + about + data[at:]


def jp2(packet: bytes = PACKET) -> bytes:
    data = pictures.encoded("JPEG2000", comment=SECRET)
    at = data.index(b"jp2c") - 4
    return data[:at] + box(b"uuid", XMP_UUID + packet) + box(b"xml ", SECRET.encode()) + data[at:]


def ico() -> bytes:
    png = photograph("PNG")
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 30, 20, 0, 0, 1, 32, len(png), 22) + png


PHOTOGRAPHS = {
    "avif": photograph("AVIF"),
    "heic": photograph("HEIF"),
    "jxl": jxl(),
    "jp2": jp2(),
    "ico": ico(),
}


def pixels(data: bytes, image_format: str) -> np.ndarray:
    picture = open_picture(data, image_format).picture
    assert isinstance(picture, Image.Image)
    return np.asarray(picture)


@pytest.mark.parametrize("image_format", PHOTOGRAPHS)
class TestEveryFormat:
    def test_removes_what_is_private(self, image_format: str) -> None:
        data = PHOTOGRAPHS[image_format]
        assert SECRET.encode() in data

        assert SECRET.encode() not in strip(data, image_format)

    def test_keeps_every_pixel_and_how_it_is_turned(self, image_format: str) -> None:
        data = PHOTOGRAPHS[image_format]

        after = strip(data, image_format)

        assert np.array_equal(pixels(data, image_format), pixels(after, image_format))
        before, seen = describe(data), describe(after)
        assert isinstance(before, Features)
        assert isinstance(seen, Features)
        assert (seen.orientation or 1, seen.warning) == (before.orientation or 1, None)

    def test_keeps_what_is_said_about_rights(self, image_format: str) -> None:
        after = strip(PHOTOGRAPHS[image_format], image_format)

        assert RIGHTS.encode() in after.replace(b"&#39;", b"'")
        seen = describe(after)
        assert isinstance(seen, Features)
        assert seen.data_mining == "DMI-PROHIBITED"

    def test_does_nothing_twice(self, image_format: str) -> None:
        once = strip(PHOTOGRAPHS[image_format], image_format)

        assert strip(once, image_format) == once

    def test_tells_what_it_cannot_read(self, image_format: str) -> None:
        data = PHOTOGRAPHS[image_format]

        for length in range(0, len(data), len(data) // 100 + 1):
            assert isinstance(stripped(data[:length], image_format), bytes | Rejection)
        for at in range(min(len(data), 400)):
            broken = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
            assert isinstance(stripped(broken, image_format), bytes | Rejection)


class TestWhatAFileSays:
    @pytest.mark.parametrize("image_format", ["avif", "heic", "jxl", "jp2", "tiff"])
    def test_is_read_and_gone_once_it_is_stripped(self, image_format: str) -> None:
        exif = Image.Exif()
        exif[0x010F] = "Acme"
        block = exif.tobytes()
        data = {
            "avif": lambda: pictures.encoded("AVIF", exif=block, xmp=PACKET),
            "heic": lambda: pictures.encoded("HEIF", exif=block, xmp=PACKET),
            "jxl": lambda: jxl(exif=block.removeprefix(b"Exif\0\0")),
            "jp2": jp2,
            "tiff": lambda: pictures.encoded("TIFF", tiffinfo={0x010F: "Acme", 700: PACKET}),
        }[image_format]()

        seen = describe(data)

        assert isinstance(seen, Features)
        assert seen.data_mining == "DMI-PROHIBITED"
        assert seen.embedded.get("make") == (None if image_format == "jp2" else "Acme")
        if image_format != "tiff":
            after = describe(strip(data, image_format))
            assert isinstance(after, Features)
            assert "make" not in after.embedded


class TestJpeg2000:
    """
    Boxes nest (`asoc`, `lbl `: ISO/IEC 15444-2, Annex M), and a tile's header may have comments of
    its own (ISO/IEC 15444-1, A.9.2), as https://www.ogc.org/standards/gmljp2/ puts places there.
    """

    @pytest.mark.parametrize(
        "about",
        [
            box(b"asoc", box(b"lbl ", b"gml.data") + box(b"xml ", SECRET.encode())),
            box(b"asoc", box(b"asoc", box(b"uuid", XMP_UUID + SECRET.encode()))),
            box(b"uinf", box(b"url ", SECRET.encode())),
            box(b"jp2i", SECRET.encode()),
            box(b"free", SECRET.encode()),
        ],
    )
    def test_loses_boxes_that_describe_it(self, about: bytes) -> None:
        whole = pictures.encoded("JPEG2000")
        at = whole.index(b"jp2c") - 4

        after = strip(whole[:at] + about + whole[at:], "jp2")

        assert SECRET.encode() not in after
        assert np.array_equal(pixels(after, "jp2"), pixels(whole, "jp2"))

    @pytest.mark.parametrize("size", ["told", "to the end"])
    def test_loses_comments_in_the_header_of_a_tile(self, size: str) -> None:
        whole = pictures.encoded("JPEG2000", no_jp2=True, tile_size=(64, 64))
        comment = b"\xff\x64" + struct.pack(">HH", 4 + len(SECRET), 1) + SECRET.encode()
        at = whole.rindex(b"\xff\x90\0\x0a")
        (told,) = struct.unpack_from(">I", whole, at + 6)
        told = told + len(comment) if size == "told" else 0
        data = whole[: at + 6] + struct.pack(">I", told) + whole[at + 10 : at + 12] + comment
        data += whole[at + 12 :]
        assert np.array_equal(pixels(data, "jp2"), pixels(whole, "jp2"))

        after = strip(data + SECRET.encode(), "jp2")

        assert SECRET.encode() not in after
        assert np.array_equal(pixels(after, "jp2"), pixels(whole, "jp2"))

    @pytest.mark.parametrize("kind", [b"jpch", b"ftbl", b"none"])
    def test_is_not_stripped_of_what_nobody_knows(self, kind: bytes) -> None:
        seen = stripped(pictures.encoded("JPEG2000") + box(kind, SECRET.encode()), "jp2")

        assert isinstance(seen, Rejection)


class TestJpegXl:
    @pytest.mark.parametrize("kind", [b"Exif", b"jumb", b"uuid", b"none"])
    @pytest.mark.parametrize("is_packed", [False, True])
    def test_loses_boxes_that_describe_it(self, kind: bytes, is_packed: bool) -> None:
        whole = files.jxl(files.picture(), usecontainer=True)
        packed = box(b"brob", kind + imagecodecs.brotli_encode(SECRET.encode()))

        after = strip(whole + (packed if is_packed else box(kind, SECRET.encode())), "jxl")

        assert after == whole

    def test_keeps_what_a_packed_packet_says_about_rights(self) -> None:
        whole = files.jxl(files.picture(), usecontainer=True)

        after = strip(whole + box(b"brob", b"xml " + imagecodecs.brotli_encode(PACKET)), "jxl")

        seen = describe(after)
        assert isinstance(seen, Features)
        assert seen.data_mining == "DMI-PROHIBITED"
        assert SECRET.encode() not in after

    def test_is_not_stripped_of_a_packet_that_cannot_be_unpacked(self) -> None:
        whole = files.jxl(files.picture(), usecontainer=True)

        seen = stripped(whole + box(b"brob", b"xml nonsense"), "jxl")

        assert seen == Rejection(Outcome.decode_error, "its metadata cannot be unpacked")


class TestRefusals:
    def test_name_a_format_that_only_encoding_strips(self) -> None:
        seen = stripped(pictures.encoded("TIFF"), "tiff")

        assert isinstance(seen, Rejection)
        assert seen == Rejection(
            Outcome.decode_error, "a tiff is stripped by encoding it anew only"
        )

    @pytest.mark.parametrize(
        ("data", "image_format"),
        [(jxl(DEEP), "jxl"), (jp2(DEEP), "jp2"), (photograph("AVIF", xmp=DEEP), "avif")],
    )
    def test_are_of_a_packet_that_no_one_should_read(self, data: bytes, image_format: str) -> None:
        seen = stripped(data, image_format)

        assert isinstance(seen, Rejection)
        assert "nested deeper" in seen.detail


class TestFilesThatSayNothing:
    @pytest.mark.parametrize(
        "name", ["avif RGB", "heic RGB", "bmp RGB", "jxl RGB", "ico of a bitmap"]
    )
    def test_stay_as_they_are(self, name: str) -> None:
        data = {each: data for each, _, _, data in files.files()}[name]

        assert strip(data, name.split(maxsplit=1)[0]) == data

"""Opt-outs in files that are odd elsewhere, or that hold another file."""

import struct
import zlib

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.imaging.stripping import strip
from tests.unit.imaging import files, pictures
from tests.unit.imaging.files import png_chunk, png_with
from tests.unit.imaging.raw_blocks import raw_profile
from tests.unit.imaging.xmp_packets import AS_ATTRIBUTE, packet

PACKET = packet(AS_ATTRIBUTE)
XMP, MAKE = 700, 271


def features(data: bytes) -> Features:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return seen


def tiff(*, is_big: bool, tag: int, field: tuple[int, int, int] | None) -> bytes:
    """With XMP and a maker, of which `tag` is told otherwise: its type, count and offset."""
    data = bytearray(
        pictures.encoded(
            "TIFF", files.picture(), big_tiff=is_big, tiffinfo={XMP: PACKET, MAKE: "Acme & Sons"}
        )
    )
    width = 8 if is_big else 4
    form = "<HHQQ" if is_big else "<HHII"
    (directory,) = struct.unpack_from("<Q" if is_big else "<I", data, width)
    at = next(
        at
        for at in range(directory + (8 if is_big else 2), len(data), struct.calcsize(form))
        if struct.unpack_from("<H", data, at) == (tag,)
    )
    if field is not None:
        struct.pack_into(form, data, at, tag, *field)
    return bytes(data)


class TestTiff:
    @pytest.mark.parametrize("is_big", [False, True])
    @pytest.mark.parametrize(
        "field", [None, (2, 12, 1 << 30), (2, 1 << 30, 8), (99, 4, 8), (7, 1 << 31, 1 << 31)]
    )
    def test_is_heard_whatever_another_field_is(
        self, is_big: bool, field: tuple[int, int, int] | None
    ) -> None:
        seen = features(tiff(is_big=is_big, tag=MAKE, field=field))

        assert seen.data_mining == "DMI-PROHIBITED"
        assert seen.embedded == ({"make": "Acme & Sons"} if field is None else {})

    @pytest.mark.parametrize("is_big", [False, True])
    @pytest.mark.parametrize("kind", [1, 2, 7, 99])
    def test_is_heard_where_it_claims_to_go_on(self, is_big: bool, kind: int) -> None:
        data = tiff(is_big=is_big, tag=XMP, field=None)
        field = kind, 1 << 30, data.index(PACKET)

        assert features(tiff(is_big=is_big, tag=XMP, field=field)).data_mining == "DMI-PROHIBITED"


class TestPng:
    """ImageMagick writes a packet in hexadecimal digits, mostly in a `zTXt` chunk
    (https://github.com/Shnatsel/wondermagick/issues/98; libavif reads it as well,
    https://github.com/AOMediaCodec/libavif/pull/1088).
    """

    @pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
    def test_is_heard_as_imagemagick_writes_it(self, kind: bytes) -> None:
        text = raw_profile("xmp", PACKET).encode()
        body = b"\0" + zlib.compress(text) if kind == b"zTXt" else text
        data = png_with(png_chunk(kind, b"Raw profile type xmp\0" + body))

        assert features(data).data_mining == "DMI-PROHIBITED"
        assert features(strip(data, "png")).data_mining == "DMI-PROHIBITED"

    @pytest.mark.parametrize(
        "body", [b"", b"\0", b"\0nonsense", b"\0" + zlib.compress(b"xmp 9 zz")]
    )
    def test_is_nothing_in_a_profile_that_makes_no_sense(self, body: bytes) -> None:
        data = png_with(png_chunk(b"zTXt", b"Raw profile type xmp\0" + body))

        assert features(data).data_mining is None


class TestIcon:
    """Icons of 256 pixels are PNGs, whole with all their chunks
    (https://devblogs.microsoft.com/oldnewthing/20101022-00/?p=12473).
    """

    def test_says_what_its_png_says(self) -> None:
        exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", MAKE, 2, 4, b"Acm\0") + bytes(4)
        chunks = (
            png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET),
            png_chunk(b"tEXt", b"Author\0Ann"),
            png_chunk(b"eXIf", exif),
        )

        seen = features(icon(png_with(*chunks)))

        assert seen.data_mining == "DMI-PROHIBITED"
        assert seen.embedded == {"creator": "Ann", "make": "Acm"}

    def test_is_heard_behind_an_entry_that_says_nothing(self) -> None:
        chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET)

        seen = features(icon(pictures.encoded("PNG"), png_with(chunk)))

        assert seen.data_mining == "DMI-PROHIBITED"

    def test_is_not_turned(self) -> None:
        exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)

        assert features(icon(png_with(png_chunk(b"eXIf", exif)))).orientation is None


def icon(*pngs: bytes) -> bytes:
    start = 6 + 16 * len(pngs)
    entries = b""
    for png in pngs:
        entries += struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(png), start)
        start += len(png)
    return struct.pack("<HHH", 0, 1, len(pngs)) + entries + b"".join(pngs)

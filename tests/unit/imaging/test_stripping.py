import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.imaging.metadata import xmp_packet
from crawlset.imaging.stripping import rights_packet, strip
from crawlset.imaging.xmp import MAX_BYTES
from tests.unit.imaging import files, pictures
from tests.unit.imaging.photographs import PROFILE, RIGHTS, SECRET, claiming_exif, photograph
from tests.unit.imaging.xmp_packets import DECLARING, DEEP

FORMATS = ["JPEG", "PNG", "WEBP", "GIF"]


def exif(turned: int) -> bytes:
    """A TIFF block that says nothing but the orientation."""
    field = struct.pack("<HHIHH", 0x0112, 3, 1, turned, 0)
    return b"II*\0\x08\0\0\0\x01\0" + field + bytes(4)


def webp(flags: int, *blocks: bytes) -> bytes:
    """A WebP with these flags and EXIF blocks; libwebp gives the first one, if a flag says so."""
    data = pictures.encoded("WEBP", exif=blocks[0])
    more = b"".join(b"EXIF" + struct.pack("<I", len(block)) + block for block in blocks[1:])
    return (
        b"RIFF"
        + struct.pack("<I", len(data + more) - 8)
        + data[8:20]
        + bytes((flags,))
        + data[21:]
        + more
    )


TURNED_ODDLY = {
    "png of a wrong check value": files.png_with(files.png_chunk(b"eXIf", exif(6), is_sound=False)),
    "png of two": files.png_with(*[files.png_chunk(b"eXIf", exif(n)) for n in (6, 3)]),
    "jpeg of two": photograph("JPEG").replace(
        b"\xff\xd8", b"\xff\xd8\xff\xe1\0\x22Exif\0\0" + exif(8), 1
    ),
    "webp of two": webp(8, exif(6), exif(3)),
    "webp of one that says nothing and another": webp(8, exif(1), exif(6)),
    "webp that does not announce it": webp(0, exif(6)),
    "webp that cannot announce it": files.webp_in_one_chunk(b"EXIF", exif(6)),
}


class TestStrip:
    @pytest.mark.parametrize("name", TURNED_ODDLY)
    def test_keeps_the_orientation_that_was_measured(self, name: str) -> None:
        data = TURNED_ODDLY[name]
        before = describe(data)

        after = describe(strip(data, name.split(maxsplit=1)[0]))

        assert isinstance(before, Features)
        assert isinstance(after, Features)
        assert (after.orientation or 1) == (before.orientation or 1)
        assert after.pixel_hash == before.pixel_hash

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_removes_what_is_private(self, image_format: str) -> None:
        data = photograph(image_format)
        assert SECRET.encode() in data

        stripped = strip(data, image_format.lower())

        assert SECRET.encode() not in stripped
        assert b"Comment" not in stripped

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_keeps_every_pixel_and_how_it_is_turned(self, image_format: str) -> None:
        data = photograph(image_format)

        with (
            Image.open(io.BytesIO(data)) as before,
            Image.open(io.BytesIO(strip(data, image_format.lower()))) as after,
        ):
            assert before.format == after.format
            upright = [
                np.asarray(ImageOps.exif_transpose(one).convert("RGB")) for one in (before, after)
            ]

        assert np.array_equal(upright[0], upright[1])

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_keeps_what_is_said_about_rights(self, image_format: str) -> None:
        stripped = strip(photograph(image_format), image_format.lower())

        if image_format == "GIF":
            packet = xmp_packet(stripped, "gif") or b""
        else:
            with Image.open(io.BytesIO(stripped)) as opened:
                packet = opened.info.get("xmp") or opened.info["XML:com.adobe.xmp"].encode()
        assert RIGHTS.encode() in packet.replace(b"&#39;", b"'")
        assert b'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"' in packet

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_keeps_the_colour_profile(self, image_format: str) -> None:
        stripped = strip(photograph(image_format), image_format.lower())

        with Image.open(io.BytesIO(stripped)) as opened:
            assert opened.info["icc_profile"] == PROFILE

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_does_nothing_twice(self, image_format: str) -> None:
        once = strip(photograph(image_format), image_format.lower())

        assert strip(once, image_format.lower()) == once

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_says_no_more_of_a_picture_that_says_nothing(self, image_format: str) -> None:
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, image_format)

        stripped = strip(out.getvalue(), image_format.lower())

        with Image.open(io.BytesIO(stripped)) as opened:
            opened.load()
            assert not opened.getexif()
            assert "xmp" not in opened.info

    def test_keeps_an_animation(self) -> None:
        frames = [Image.new("RGB", (8, 8), (n * 60, 0, 0)) for n in range(4)]
        for image_format in ("GIF", "WEBP", "PNG"):
            out = io.BytesIO()
            frames[0].save(
                out, image_format, save_all=True, append_images=frames[1:], duration=50, loop=3
            )

            with Image.open(io.BytesIO(strip(out.getvalue(), image_format.lower()))) as opened:
                assert (getattr(opened, "n_frames", 1), opened.info["loop"]) == (4, 3)

    @pytest.mark.parametrize("image_format", FORMATS)
    def test_tells_what_it_cannot_read(self, image_format: str) -> None:
        data = photograph(image_format)

        with pytest.raises(ValueError, match="it does not begin"):
            strip(b"no picture at all" * 9, image_format.lower())
        for cut in range(0, min(len(data), 400), 7):
            try:
                strip(data[:cut], image_format.lower())
            except ValueError:
                continue

    @pytest.mark.parametrize(
        ("image_format", "packet", "why"),
        [
            ("JPEG", DEEP, "nested deeper"),
            ("JPEG", DECLARING, "document type"),
            ("WEBP", DEEP, "nested deeper"),
            ("WEBP", DEEP + bytes(MAX_BYTES), "over"),
        ],
    )
    def test_refuses_a_packet_that_no_one_should_read(
        self, image_format: str, packet: bytes, why: str
    ) -> None:
        with pytest.raises(ValueError, match=why):
            strip(photograph(image_format, xmp=packet), image_format.lower())


class TestOddFiles:
    """Those that are stored with a `warning`, since what is odd about them harms no pixel."""

    @pytest.mark.parametrize("end", [b"", b"\0\0", b"\x55", b"\x07" + SECRET.encode()])
    def test_gifs_end_where_they_are_read_to(self, end: bytes) -> None:
        whole = photograph("GIF")

        assert strip(whole[:-1] + end, "gif") == strip(whole, "gif")

    @pytest.mark.parametrize("beyond", [1, 1000, 0x7FFF0000])
    def test_webps_keep_how_they_are_turned(self, beyond: int) -> None:
        data = claiming_exif(beyond)

        stripped = strip(data, "webp")

        assert SECRET.encode() not in stripped
        seen = describe(stripped)
        assert isinstance(seen, Features)
        assert (seen.orientation, seen.warning) == (6, None)

    @pytest.mark.parametrize("name", [name for name, each, _, _ in files.files() if each == "bmp"])
    def test_bmps_lose_what_follows_their_pixels(self, name: str) -> None:
        (whole,) = (data for each, _, _, data in files.files() if each == name)

        stripped = strip(whole + SECRET.encode(), "bmp")

        assert SECRET.encode() not in stripped
        assert stripped[6:] == whole[6:]
        assert strip(stripped, "bmp") == stripped

    def test_bmps_keep_the_profile_behind_their_pixels(self) -> None:
        """https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapv5header"""
        (whole,) = (data for name, _, _, data in files.files() if name == "bmp with alpha")
        pointing = struct.pack("<II", len(whole) - 14, len(PROFILE))
        data = whole[:70] + b"DEBM" + whole[74:126] + pointing + whole[134:] + PROFILE

        assert strip(data + SECRET.encode(), "bmp")[6:] == data[6:]


class TestRightsPacket:
    @pytest.mark.parametrize("packet", [None, b"", b"<x", b"<a/>", b"\xff\xfe\0"])
    def test_is_none_where_nothing_is_said(self, packet: bytes | None) -> None:
        assert rights_packet(packet) is None

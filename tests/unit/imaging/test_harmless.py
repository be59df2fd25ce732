"""
Faults that hold no pixels are warnings.

PNG, third edition, 13.1: a decoder should go on after an error in an ancillary chunk
(https://www.w3.org/TR/png-3/#13Decoders.Errors); libpng, and so browsers, warn of one whose check
value is wrong and drop it (`png_set_crc_action`,
https://searchfox.org/firefox-main/source/media/libpng/pngrtran.c).
"""

import struct
import zlib

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.outcomes import Outcome
from tests.unit.imaging import pictures
from tests.unit.imaging.files import gif_with, png_chunk, png_with, webp_with
from tests.unit.imaging.photographs import claiming_exif

ANCILLARY = {
    b"pHYs": bytes(9),
    b"tEXt": b"Title\0text",
    b"zTXt": b"Title\0\0" + zlib.compress(b"text"),
    b"iTXt": b"Title\0\0\0\0\0text",
    b"iCCP": b"name\0\0" + zlib.compress(bytes(128)),
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": bytes(32),
    b"sRGB": b"\0",
    b"sBIT": b"\x08\x08\x08",
    b"bKGD": bytes(6),
    b"tIME": bytes(7),
    b"eXIf": b"II*\0\x08\0\0\0\0\0",
    b"tRNS": bytes(6),
    b"acTL": bytes(8),
    b"abCd": b"nobody's",
}
NONSENSE = {
    "pHYs": b"\1",
    "iCCP": b"no separator",
    "iCCP of no method": b"name\0\7" + bytes(9),
    "gAMA": b"",
    "cHRM": b"123",
    "sRGB": b"",
    "tRNS": b"",
    "zTXt that unpacks to 100 MB": b"Title\0\0" + zlib.compress(bytes(100 << 20)),
    "acTL": b"\1",
    "fcTL": b"\1",
    "fdAT": bytes(9),
}
GIF_BLOCKS = {
    "a graphic control that is too short": b"\x21\xf9\x01\x00\x00",
    "a graphic control without a byte": b"\x21\xf9\x00",
    "an application without a name": b"\x21\xff\x00",
    "a loop without a count": b"\x21\xff\x0bNETSCAPE2.0\x00",
}


def features(data: bytes) -> Features:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return seen


class TestPng:
    @pytest.mark.parametrize("kind", ANCILLARY)
    def test_passes_over_an_ancillary_chunk_with_a_wrong_check_value(self, kind: bytes) -> None:
        data = png_with(png_chunk(kind, ANCILLARY[kind], is_sound=False))

        seen = features(data)

        assert seen.warning == f"wrong CRC in {kind.decode()}"
        assert seen.pixel_hash == features(pictures.encoded("PNG")).pixel_hash

    @pytest.mark.parametrize("name", NONSENSE)
    def test_passes_over_an_ancillary_chunk_that_makes_no_sense(self, name: str) -> None:
        data = png_with(png_chunk(name[:4].encode(), NONSENSE[name]))

        seen = features(data)

        assert seen.warning is not None
        assert seen.n_frames == 1
        assert seen.pixel_hash == features(pictures.encoded("PNG")).pixel_hash

    def test_passes_over_more_text_than_pillow_reads(self) -> None:
        data = png_with(*[png_chunk(b"tEXt", b"k%d\0" % n + bytes(1 << 20)) for n in range(70)])

        assert features(data).warning is not None

    def test_warns_of_a_wrong_check_value_of_the_end(self) -> None:
        assert features(pictures.encoded("PNG")[:-1] + b"\0").warning == "wrong CRC in IEND"

    @pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"IDAT"])
    def test_takes_no_picture_whose_pixels_are_in_doubt(self, kind: bytes) -> None:
        data = pictures.encoded("PNG", pictures.picture("P"))
        at = data.index(kind) - 4
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")

        seen = describe(data[: end - 1] + bytes([data[end - 1] ^ 1]) + data[end:])

        assert seen == Rejection(Outcome.decode_error, f"wrong CRC in {kind.decode()}")

    def test_is_sound_with_every_chunk_that_is(self) -> None:
        sound = {kind: body for kind, body in ANCILLARY.items() if kind != b"acTL"}

        assert features(png_with(*map(png_chunk, sound, sound.values()))).warning is None


class TestWebP:
    @pytest.mark.parametrize("kind", [b"EXIF", b"XMP "])
    @pytest.mark.parametrize("beyond", [2, 1000, 0xFFFF0000])
    def test_passes_over_metadata_that_claim_to_go_on(self, kind: bytes, beyond: int) -> None:
        data = webp_with(
            lambda each, body: (len(body) + beyond * (each == kind), body),
        )

        seen = features(data)

        assert seen.warning is not None
        assert seen.pixel_hash == features(pictures.encoded("WEBP")).pixel_hash

    @pytest.mark.parametrize("beyond", [1, 2, 1000, 0x7FFF0000])
    def test_is_turned_by_exif_that_claims_to_go_on(self, beyond: int) -> None:
        assert features(claiming_exif(beyond)).orientation == 6

    @pytest.mark.parametrize("kind", [b"EXIF", b"XMP ", b"ICCP"])
    @pytest.mark.parametrize("content", [b"", b"\xff" * 64])
    def test_reads_no_metadata_that_it_does_not_need(self, kind: bytes, content: bytes) -> None:
        data = webp_with(
            lambda each, body: (len(content), content) if each == kind else (len(body), body),
        )

        assert features(data).warning is None

    def test_takes_no_picture_whose_pixels_are_broken(self) -> None:
        data = pictures.encoded("WEBP")
        broken = data[:20] + b"\xff" * 40 + data[60:]

        assert isinstance(describe(broken), Rejection)


class TestBmp:
    """Rows are filled up to four bytes; behind the last one nothing needs that."""

    @pytest.mark.parametrize(
        ("mode", "width", "n_padding"), [("RGB", 5, 1), ("RGB", 6, 2), ("L", 5, 3), ("1", 9, 2)]
    )
    def test_needs_no_padding_behind_its_last_row(
        self, mode: str, width: int, n_padding: int
    ) -> None:
        whole = pictures.encoded("BMP", pictures.picture(mode, (width, 7)))

        for n_missing in range(1, n_padding + 1):
            seen = features(whole[:-n_missing])
            assert seen.warning == "the last row is not filled up"
            assert seen.pixel_hash == features(whole).pixel_hash
        cut = describe(whole[: -n_padding - 1])
        assert isinstance(cut, Rejection)
        assert cut.outcome == Outcome.truncated


class TestGif:
    @pytest.mark.parametrize("name", GIF_BLOCKS)
    def test_passes_over_an_extension_that_makes_no_sense(self, name: str) -> None:
        seen = features(gif_with(GIF_BLOCKS[name]))

        assert seen.warning is not None
        assert seen.pixel_hash == features(gif_with()).pixel_hash

    @pytest.mark.parametrize("end", [b"", b"\0\0", b"\x55"])
    def test_misses_no_trailer(self, end: bytes) -> None:
        seen = features(gif_with()[:-1] + end)

        assert seen.warning is not None
        assert seen.pixel_hash == features(gif_with()).pixel_hash

    def test_takes_no_picture_that_ends_early(self) -> None:
        seen = describe(gif_with()[:-2])

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.truncated

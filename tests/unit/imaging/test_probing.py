"""Headers that are not what the decoder will go by."""

import struct
import zlib

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Rejection
from crawlset.outcomes import Outcome
from tests.unit.imaging import files, pictures

PNG = pictures.encoded("PNG")
_HEADER = slice(8, 33)


def header(width: int, height: int) -> bytes:
    return files.png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))


def vast_png() -> bytes:
    """Pillow goes by the last header before the pixels: 256 million of them, in 31 kB."""
    packed = zlib.compress(bytes(2001 * 16_000), 9)
    chunks = header(1, 1), header(16_000, 16_000), files.png_chunk(b"IDAT", packed)
    return PNG[:8] + b"".join(chunks) + files.png_chunk(b"IEND", b"")


class TestPng:
    """
    Of a second image header libpng makes an error, as browsers do.

    `png_handle_IHDR` calls one that does not come first out of place:
    https://searchfox.org/firefox-main/source/media/libpng/pngrutil.c
    """

    @pytest.mark.parametrize(
        "data",
        [
            vast_png(),
            files.png_with(PNG[_HEADER]),
            files.png_with(header(9, 9)),
            PNG[:-12] + header(9, 9) + PNG[-12:],
        ],
        ids=["vast", "the same", "smaller", "behind the pixels"],
    )
    def test_with_two_headers_is_none(self, data: bytes) -> None:
        assert describe(data) == Rejection(Outcome.decode_error, "more than one image header")

    def test_with_two_headers_is_none_in_an_icon(self) -> None:
        png = vast_png()
        entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(png), 22)

        seen = describe(struct.pack("<HHH", 0, 1, 1) + entry + png)

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.decompression_bomb


def test_a_picture_is_no_larger_than_the_limit_whatever_its_decoder_reads() -> None:
    """Pillow goes by the header of a JPEG 2000 file, OpenJPEG by the one of its codestream."""
    data = files.with_sides(
        pictures.encoded("JPEG2000", files.picture()), b"ihdr", 4, ">II", 9000, 9000
    )

    assert describe(data) == Rejection(
        Outcome.decompression_bomb, "9000x9000, more than its header says"
    )

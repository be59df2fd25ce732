import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging.probing import probe
from crawlset.imaging.sniff import (
    MalformedImageError,
    Probe,
    TruncatedError,
    sniff,
    sniff_other,
)
from tests.unit.imaging import pictures

MAX_PIXELS = 50_000_000
FILES = {
    "png": pictures.encoded("PNG"),
    "webp": pictures.encoded("WEBP"),
    "lossless webp": pictures.encoded("WEBP", lossless=True),
    "alpha webp": pictures.encoded("WEBP", pictures.picture("RGBA"), exif=b"Exif\0\0"),
    "gif": pictures.encoded("GIF"),
}
HEADS = {
    "png": FILES["png"][:8],
    "webp": b"RIFF",
    "gif": b"GIF89a",
    "avif": b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x40meta\0\0\0\0",
    "heic": b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\x40moov",
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "jxl": b"\xff\x0a",
    "bmp": b"BM",
    "ico": b"\0\0\1\0\2\0",
    "tiff": b"II+\0\x08\0\0\0",
}
FORMATS = {"lossless webp": "webp", "alpha webp": "webp"}


class TestSniff:
    @pytest.mark.parametrize("name", FILES)
    def test_knows_the_accepted_formats(self, name: str) -> None:
        assert sniff(FILES[name]) == FORMATS.get(name, name)

    def test_knows_a_jpeg(self) -> None:
        assert sniff(pictures.jpeg()) == "jpeg"

    @pytest.mark.parametrize(
        ("data", "other"),
        [
            (b"8BPS\0\1", "psd"),
            (b"\0\0\2\0\1\0", "cur"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "svg"),
            (b"%!PS-Adobe-3.0 EPSF-3.0", "eps"),
            (b"<!doctype html><svg>", None),
            (b"", None),
            (b"PK\x03\x04", None),
        ],
    )
    def test_names_the_others(self, data: bytes, other: str | None) -> None:
        assert (sniff(data), sniff_other(data)) == (None, other)


class TestProbe:
    @pytest.mark.parametrize("name", FILES)
    def test_reads_dimensions_from_the_header(self, name: str) -> None:
        seen = probe(FILES[name], FORMATS.get(name, name), MAX_PIXELS)

        assert seen == Probe(*pictures.SIZE, 1)

    @pytest.mark.parametrize("name", FILES)
    def test_tells_a_file_that_was_cut_at_any_place(self, name: str) -> None:
        data = FILES[name]

        for length in range(16, len(data) - 1, max(1, len(data) // 50)):
            with pytest.raises(TruncatedError):
                probe(data[:length], FORMATS.get(name, name), MAX_PIXELS)

    def test_counts_frames(self) -> None:
        assert probe(pictures.animated_gif(5), "gif", MAX_PIXELS).n_frames == 5

    def test_counts_the_frames_of_webp_and_png(self) -> None:
        frames = [pictures.picture().rotate(90 * n) for n in range(3)]
        for name in ("WEBP", "PNG"):
            data = pictures.encoded(name, frames[0], save_all=True, append_images=frames[1:])

            assert probe(data, name.lower(), MAX_PIXELS).n_frames == 3

    def test_stops_counting_beyond_the_limit(self) -> None:
        seen = probe(pictures.gif_of_frames(20_000), "gif", 100 * 100 * 10)

        assert seen.n_frames == 12

    @given(st.sampled_from(sorted(HEADS)), st.binary(max_size=300))
    def test_ends_on_any_bytes(self, image_format: str, tail: bytes) -> None:
        try:
            seen = probe(HEADS[image_format] + tail, image_format, MAX_PIXELS)
        except (TruncatedError, MalformedImageError):
            return
        assert min(seen.width, seen.height) >= 0
        assert seen.n_frames >= 1

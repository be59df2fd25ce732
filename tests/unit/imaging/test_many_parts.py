"""Small files that are made of very many parts."""

import struct
from collections.abc import Callable, Iterator

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.part_limit import MAX_PARTS
from crawlset.imaging.pool import DecodePool
from crawlset.outcomes import Outcome
from tests.unit.imaging import files, pictures


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(1)
    yield pool
    pool.close()


def icon_that_repeats(png: bytes, n_entries: int) -> bytes:
    """An icon whose entries all have the same bytes: stripped, each has its own."""
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png), 6 + 16 * n_entries)
    return struct.pack("<HHH", 0, 1, n_entries) + entry * n_entries + png


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def webp_of(n: int) -> bytes:
    data = pictures.encoded("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0") + b"ABCD\0\0\0\0" * n
    return b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:]


def jpeg_of(n: int, mode: str = "RGB") -> bytes:
    data = pictures.encoded("JPEG", pictures.picture(mode))
    return data[:2] + b"\xff\xed\0\2" * n + data[2:]


def jp2_of(n: int) -> bytes:
    data = pictures.encoded("JPEG2000", files.picture())
    at = data.index(b"jp2c") - 4
    return data[:at] + box(b"free") * n + data[at:]


OF_PARTS: dict[str, Callable[[int], bytes]] = {
    "jpeg": jpeg_of,
    "jpeg CMYK": lambda n: jpeg_of(n, "CMYK"),
    "png": lambda n: files.png_with(files.png_chunk(b"prVt", b"") * n),
    "png of texts": lambda n: files.png_with(files.png_chunk(b"tEXt", b"a\0b") * n),
    "gif": lambda n: files.gif_with(b"\x21\xfe\1a\0" * n),
    "webp": webp_of,
    "jxl": lambda n: files.jxl(files.picture(), usecontainer=True) + box(b"abcd") * n,
    "avif": lambda n: pictures.encoded("AVIF") + box(b"free") * n,
    "heic": lambda n: pictures.encoded("HEIF", files.picture()) + box(b"free") * n,
    "jp2": jp2_of,
}


@pytest.mark.parametrize("name", OF_PARTS)
def test_are_refused_before_anybody_walks_over_them_again(name: str) -> None:
    made = OF_PARTS[name]

    seen = [describe(made(n)) for n in (1000, MAX_PARTS)]

    assert isinstance(seen[0], Features)
    assert seen[1] == Rejection(Outcome.decode_error, "more than 100,000 parts")


def test_of_an_icon_that_are_the_same_bytes_are_refused() -> None:
    png = pictures.encoded("PNG", files.picture())

    seen = [describe(icon_that_repeats(png, n)) for n in (3, 1000)]

    assert isinstance(seen[0], Features)
    assert seen[1] == Rejection(Outcome.decode_error, "pictures that lie in each other")


def test_stripped_to_more_bytes_than_a_child_may_answer_are_too_large(pool: DecodePool) -> None:
    png = files.png_with(files.png_chunk(b"IDAT", bytes(40_000)))
    data = icon_that_repeats(png, 1000)
    pids = pool.pids

    (seen,) = pool.strip_all([(data, "ico")])

    assert isinstance(seen, Rejection)
    assert seen.outcome == Outcome.too_large
    assert seen.detail.endswith(" bytes once stripped")
    assert pool.pids == pids

"""Small files that are made of very many parts."""

import struct
from collections.abc import Iterator

import pytest

from crawlset.imaging.features import Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.outcomes import Outcome
from tests.unit.imaging import files


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(1)
    yield pool
    pool.close()


def icon_that_repeats(png: bytes, n_entries: int) -> bytes:
    """An icon whose entries all have the same bytes: stripped, each has its own."""
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png), 6 + 16 * n_entries)
    return struct.pack("<HHH", 0, 1, n_entries) + entry * n_entries + png


def test_stripped_to_more_bytes_than_a_child_may_answer_are_too_large(pool: DecodePool) -> None:
    png = files.png_with(files.png_chunk(b"IDAT", bytes(40_000)))
    data = icon_that_repeats(png, 1000)
    pids = pool.pids

    (seen,) = pool.strip_all([(data, "ico")])

    assert isinstance(seen, Rejection)
    assert seen.outcome == Outcome.too_large
    assert seen.detail.endswith(" bytes once stripped")
    assert pool.pids == pids

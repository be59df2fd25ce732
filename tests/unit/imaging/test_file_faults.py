"""Broken files of every format: each ends in an outcome of its own, and only by itself."""

import random
import struct
import time
from collections.abc import Iterator

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.outcomes import Outcome
from tests.unit.imaging import files, pictures

WHOLE = {name: data for name, _, _, data in files.files()} | {
    "png": pictures.encoded("PNG"),
    "webp": pictures.encoded("WEBP"),
    "gif": pictures.encoded("GIF"),
    "jpeg": pictures.jpeg(),
}
BOMBS = files.bombs()
CUT = {Outcome.truncated, Outcome.not_image}
BROKEN = CUT | {
    Outcome.damaged,
    Outcome.decode_error,
    Outcome.decompression_bomb,
    Outcome.unsupported_format,
}
UNNEEDED = {"gif": 1, "png": 4}
"""Bytes at the end that hold no pixel: the trailer; the check value of the end itself."""
SEEDS = range(60)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(1)
    yield pool
    pool.close()


def outcomes(pool: DecodePool, broken: list[bytes]) -> set[Outcome]:
    return {seen.outcome for seen in pool.decode_all(broken) if isinstance(seen, Rejection)}


@pytest.mark.parametrize("name", WHOLE)
class TestEveryFormat:
    def test_tells_a_file_that_was_cut_anywhere(self, pool: DecodePool, name: str) -> None:
        data = WHOLE[name]
        n_whole = len(data) - UNNEEDED.get(name, 0)
        lengths = {*range(1, 80, 3), *range(80, n_whole, n_whole // 40 + 1), n_whole - 1}

        seen = pool.decode_all(data[:length] for length in sorted(lengths) if length < n_whole)

        assert {type(each) for each in seen} == {Rejection}
        assert {each.outcome for each in seen if isinstance(each, Rejection)} <= CUT

    def test_survives_bits_that_flip(self, pool: DecodePool, name: str) -> None:
        pids = pool.pids
        broken = []
        for seed in SEEDS:
            rng = random.Random(seed)
            data = bytearray(WHOLE[name])
            for _ in range(rng.choice((1, 3, 10))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            broken.append(bytes(data))

        assert outcomes(pool, broken) <= BROKEN
        assert pool.pids == pids

    def test_survives_headers_that_are_overwritten(self, pool: DecodePool, name: str) -> None:
        pids = pool.pids
        broken = []
        for seed in SEEDS:
            rng = random.Random(seed)
            data = bytearray(WHOLE[name])
            at = rng.randrange(4, min(len(data), 300))
            data[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), rng.randbytes(4)))
            broken.append(bytes(data))

        assert outcomes(pool, broken) <= BROKEN
        assert pool.pids == pids

    def test_survives_a_middle_that_is_missing(self, pool: DecodePool, name: str) -> None:
        pids = pool.pids
        data = WHOLE[name]
        broken = []
        for seed in SEEDS:
            first, last = sorted(random.Random(seed).sample(range(12, len(data)), 2))
            broken.append(data[:first] + data[last:])

        assert outcomes(pool, broken) <= BROKEN
        assert pool.pids == pids


class TestBombs:
    @pytest.mark.parametrize("name", BOMBS)
    def test_are_refused_by_their_header(self, name: str) -> None:
        assert len(BOMBS[name]) < 1 << 20
        began = time.process_time()

        seen = describe(BOMBS[name])

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.decompression_bomb
        assert time.process_time() - began < 0.5

    def test_of_jpeg_2000_are_what_a_child_has_no_room_for(self) -> None:
        """Its decoder holds each sample in four bytes, twice."""
        data = files.with_sides(WHOLE["jp2 codestream"], b"\xff\x4f\xff\x51", 8, ">II", 6000, 5000)

        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.decompression_bomb


class TestTiffsOfManyFields:
    @pytest.mark.parametrize("tag", [270, 273, 700])
    @pytest.mark.parametrize("n", [1 << 18, 1 << 20])
    def test_are_not_read_again_and_again(self, tag: int, n: int) -> None:
        """Pillow loads each field, and of one that is told twice both."""
        page = files.tiff_that_says(270, 2, 4, 0)
        n_fields = 60_000
        fields = page[10 : 10 + 12 * 9] + struct.pack("<HHII", tag, 4, n, 8) * n_fields
        data = page[:8] + struct.pack("<H", 9 + n_fields) + fields + bytes(4) + bytes(4 << 20)
        began = time.process_time()

        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert time.process_time() - began < 2


class TestBeginnings:
    @pytest.mark.parametrize(
        "data",
        [
            b"BM is how this text begins, and it goes on for a while.",
            b"BMW 320d Touring, 2019, " + bytes(40),
            b"\0\0\1\0" + bytes(60),
            b"\0\0\1\xba" + bytes(60),
            b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(60),
            b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + bytes(60),
        ],
    )
    def test_of_something_else_are_no_pictures(self, data: bytes) -> None:
        seen = describe(data)

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.not_image

    @pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"heim"])
    def test_of_each_brand_of_heic_are_known(self, brand: bytes) -> None:
        """https://mp4ra.org/registered-types/brands"""
        data = WHOLE["heic RGB"]

        assert not isinstance(describe(data[:8] + brand + data[12:]), Rejection)

    @pytest.mark.parametrize(("name", "brand"), [("avif RGB", b"avif"), ("heic RGB", b"heic")])
    def test_of_a_container_are_told_by_the_other_brands(self, name: str, brand: bytes) -> None:
        data = WHOLE[name]
        size = int.from_bytes(data[:4], "big")

        seen = describe(data[:8] + b"mif1" + data[12:16] + brand + data[20:size] + data[size:])

        assert not isinstance(seen, Rejection)
        assert seen.format == name.split(maxsplit=1)[0]

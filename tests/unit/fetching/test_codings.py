"""Bodies in content codings, read in pieces."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from random import Random

import brotli
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawlset.fetching.answer import Headers, TransferError
from crawlset.fetching.codings import MAX_RATIO, PIECE_BYTES, codings_in
from crawlset.fetching.codings import unpacked as unpack
from crawlset.outcomes import Outcome
from tests.unit.imaging import pictures

MAX_BYTES = 4 << 20
RAW_DEFLATE = -15


def raw_deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=RAW_DEFLATE)
    return packer.compress(data) + packer.flush()


def stored(data: bytes) -> bytes:
    """Packed, but not smaller."""
    return gzip.compress(data, compresslevel=0)


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "stored gzip": ("gzip", stored),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflated),
    "brotli": ("br", brotli.compress),
    "fast brotli": ("br", partial(brotli.compress, quality=0)),
}
PICTURES = {
    "jpeg": pictures.jpeg(),
    "png": pictures.encoded("PNG"),
    "gif": pictures.encoded("GIF"),
    "webp": pictures.encoded("WEBP"),
}
packed_by = pytest.mark.parametrize(("coding", "pack"), PACKERS.values(), ids=PACKERS)


def cut(body: bytes, n_bytes: int) -> Iterator[bytes]:
    for at in range(0, len(body), n_bytes):
        yield body[at : at + n_bytes]


def unpacked(body: bytes, *codings: str, piece: int = 1 << 16, max_bytes: int = MAX_BYTES) -> bytes:
    out = bytearray()
    for part in unpack(cut(body, piece), list(codings), max_bytes):
        assert len(part) <= max(2 * PIECE_BYTES, piece)
        out += part
        assert len(out) <= max_bytes + 2 * PIECE_BYTES
    return bytes(out)


def failure(body: bytes, *codings: str, **options: int) -> Outcome:
    with pytest.raises(TransferError) as failed:
        unpacked(body, *codings, **options)

    return failed.value.outcome


class TestUnpacked:
    @packed_by
    @pytest.mark.parametrize("piece", [1, 7, 1000, 1 << 17])
    @pytest.mark.parametrize("body", [*PICTURES.values(), b"", b"User-agent: *\nDisallow: /"])
    def test_gives_the_body_however_it_comes(
        self, coding: str, pack: Callable[[bytes], bytes], piece: int, body: bytes
    ) -> None:
        assert unpacked(pack(body), coding, piece=piece) == body

    @packed_by
    @given(st.binary(max_size=3000), st.integers(0, 80), st.integers(1, 3000))
    def test_gives_any_body(
        self, coding: str, pack: Callable[[bytes], bytes], body: bytes, n: int, piece: int
    ) -> None:
        assert unpacked(pack(body * n), coding, piece=piece) == body * n

    @packed_by
    @settings(max_examples=20)
    @example(n=MAX_BYTES, n_flat=200_000, n_odd=200, piece=4096)
    @example(n=480_000, n_flat=1_000, n_odd=40, piece=1 << 16)
    @given(
        st.integers(0, MAX_BYTES),
        st.integers(0, 200_000),
        st.integers(0, 4000),
        st.sampled_from([100, 4096, 1 << 16]),
    )
    def test_gives_a_body_of_any_ratio(
        self,
        coding: str,
        pack: Callable[[bytes], bytes],
        n: int,
        n_flat: int,
        n_odd: int,
        piece: int,
    ) -> None:
        """
        Flat stretches between others, as uncompressed pictures of logos and pages have them.

        Brotli says that it can take more while it keeps back what came of the last bytes, so it is
        to be asked until it gives nothing (https://github.com/google/brotli/pull/1234).
        """
        stretch = bytes(n_flat) + Random(n).randbytes(n_odd)
        body = (stretch * (n // max(len(stretch), 1) + 1))[:n]

        assert unpacked(pack(body), coding, piece=piece) == body

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
    @pytest.mark.parametrize("piece", [1, 1 << 17])
    @pytest.mark.parametrize("body", PICTURES.values(), ids=PICTURES)
    def test_hands_on_a_picture_that_is_not_packed(
        self, coding: str, piece: int, body: bytes
    ) -> None:
        """
        Servers say `gzip` and send the bytes as they are.

        PHP's output compression does (https://github.com/curl/curl/issues/8928), and others
        (https://github.com/projectdiscovery/httpx/pull/307).
        """
        assert unpacked(body, coding, piece=piece) == body

    @pytest.mark.parametrize("body", [b"", b"\n", b"User-agent: *\nDisallow: /\n" * 9])
    def test_hands_on_what_does_not_begin_as_gzip(self, body: bytes) -> None:
        assert unpacked(body, "gzip") == body

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
    @pytest.mark.parametrize(
        "page",
        [
            b"<!DOCTYPE html><title>404</title>",
            b"\r\n <html><body>404 not found</body></html>",
            b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
        ],
    )
    def test_hands_on_a_page_that_is_not_packed(self, coding: str, page: bytes) -> None:
        """It is no image, whatever it is said to be packed by."""
        assert unpacked(page, coding) == page

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
    def test_ends_well_for_an_empty_body(self, coding: str) -> None:
        """A 200 of no length may well name a coding."""
        assert unpacked(b"", coding) == b""

    def test_undoes_several_codings_from_the_last(self) -> None:
        body = PICTURES["png"]

        assert unpacked(gzip.compress(brotli.compress(body)), "br", "gzip") == body
        assert unpacked(gzip.compress(gzip.compress(body)), "gzip", "gzip", piece=5) == body

    def test_believes_the_bytes_when_a_coding_is_named_twice(self) -> None:
        """Seen behind proxies: https://github.com/yhirose/cpp-httplib/issues/993."""
        body = PICTURES["jpeg"]

        assert unpacked(gzip.compress(body), "gzip", "gzip", piece=1) == body

    @pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
    @pytest.mark.parametrize(
        "trailer", [b"\0", b"\r\n", b"\0" * 70_000, gzip.compress(b"more", mtime=0)]
    )
    def test_passes_over_what_follows(self, pack: Callable[[bytes], bytes], trailer: bytes) -> None:
        body = PICTURES["gif"]
        coding = "gzip" if pack is gzip.compress else "deflate"

        assert unpacked(pack(body) + trailer, coding) == body
        assert unpacked(pack(body) + trailer, coding, piece=1000) == body

    @packed_by
    @pytest.mark.parametrize("n_missing", [1, 9, 200])
    def test_tells_a_body_cut_short(
        self, coding: str, pack: Callable[[bytes], bytes], n_missing: int
    ) -> None:
        body = pack(PICTURES["jpeg"])[:-n_missing]

        assert failure(body, coding) == Outcome.truncated
        assert failure(body, coding, piece=3) == Outcome.truncated

    @pytest.mark.parametrize("name", ["gzip", "zlib"])
    @pytest.mark.parametrize("at", [-3, 300])
    def test_tells_a_damaged_body(self, name: str, at: int) -> None:
        coding, pack = PACKERS[name]
        body = bytearray(pack(PICTURES["png"] * 3))
        body[at] ^= 0xFF

        assert failure(bytes(body), coding) == Outcome.damaged

    @pytest.mark.parametrize("name", ["gzip", "zlib", "raw deflate", "brotli"])
    @pytest.mark.parametrize("piece", [100, 1 << 16])
    def test_stops_a_bomb_at_the_size_of_a_body(self, name: str, piece: int) -> None:
        coding, pack = PACKERS[name]

        assert (
            failure(pack(bytes(2 * MAX_BYTES)), coding, piece=piece) == Outcome.decompression_bomb
        )

    def test_stops_a_bomb_in_a_bomb(self) -> None:
        bomb = gzip.compress(gzip.compress(bytes(256 << 20)))

        assert failure(bomb, "gzip", "gzip") == Outcome.decompression_bomb

    def test_stops_a_bomb_that_comes_to_nothing(self) -> None:
        """Blocks of no bytes: the outer coding swells, the inner one gives nothing."""
        empty_blocks = gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * (4 << 20)

        assert failure(gzip.compress(empty_blocks), "gzip", "gzip") == Outcome.decompression_bomb

    @packed_by
    @pytest.mark.parametrize("is_flat_first", [True, False])
    def test_takes_a_picture_that_is_white_at_one_end(
        self, coding: str, pack: Callable[[bytes], bytes], is_flat_first: bool
    ) -> None:
        """A bitmap begins with the foot of the page: its first packed bytes are all white."""
        flat, busy = b"\xff" * (MAX_BYTES - 60_000), Random(1).randbytes(60_000)
        body = b"BM" + (flat + busy if is_flat_first else busy + flat)[2:]

        assert unpacked(pack(body), coding) == body

    @pytest.mark.parametrize("name", ["gzip", "zlib", "raw deflate", "brotli"])
    def test_takes_a_flat_picture_however_well_it_packs(self, name: str) -> None:
        coding, pack = PACKERS[name]
        body = b"BM" + bytes(MAX_BYTES - 2)
        packed = pack(body)

        assert len(body) > MAX_RATIO * len(packed)
        assert unpacked(packed, coding) == body

    def test_lets_nobody_have_more_than_the_largest_body(self) -> None:
        body = stored(bytes(MAX_BYTES + 10 * PIECE_BYTES))

        assert failure(body, "gzip") == Outcome.too_large
        assert failure(stored(body), "gzip", "gzip") == Outcome.too_large

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
    @given(st.binary(max_size=500), st.integers(1, 100), st.booleans())
    def test_raises_nothing_but_its_own_error(
        self, coding: str, body: bytes, piece: int, begins_well: bool
    ) -> None:
        head = gzip.compress(b"")[:10] if begins_well else b""

        with suppress(TransferError):
            unpacked(head + body, coding, piece=piece)


class TestCodingsIn:
    @pytest.mark.parametrize(
        ("values", "codings"),
        [
            ((), []),
            (("gzip",), ["gzip"]),
            (("GZip",), ["gzip"]),
            (("x-gzip",), ["gzip"]),
            (("deflate, br",), ["deflate", "br"]),
            (("gzip , identity",), ["gzip"]),
            (("gzip", "br"), ["gzip", "br"]),
            (("",), []),
            ((",,",), []),
            (("none",), []),
            (("identity",), []),
            (("utf-8",), []),
            (("UTF-8, none",), []),
            (("binary",), []),
            (("image/jpeg",), []),
            (("base64",), []),
            (("zstd",), []),
        ],
    )
    def test_passes_over_names_of_none(self, values: tuple[str, ...], codings: list[str]) -> None:
        """
        `none` and `utf-8` are often seen, and browsers let the bytes through.

        https://github.com/curl/curl/pull/2298, https://github.com/getgrav/grav/issues/2619,
        https://github.com/apache/httpcomponents-client/pull/698, and on a picture in
        https://github.com/LadybirdBrowser/ladybird/pull/11179.
        """
        headers = Headers(f"Content-Encoding: {value}\r\n".encode() for value in values)

        assert codings_in(headers) == codings

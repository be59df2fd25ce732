"""
Content codings of a body, undone piece by piece as it comes (RFC 9110, section 8.4).

We ask for none. Servers send them all the same, for files that lie packed in their store, and name
codings that are none or that they did not apply
(docs/decisions/0039-packed-bodies-are-unpacked.md).
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from crawlset.fetching.answer import Headers, TransferError
from crawlset.imaging.sniff import sniff
from crawlset.outcomes import Outcome

MAX_CODINGS = 5
"""libcurl takes as many (https://curl.se/docs/CVE-2023-23916.html)."""
MAX_RATIO = 200
"""Bytes that may come of a packed one, on average: `DeflateInflateRatioLimit` of Apache httpd."""
SMALL_BYTES = 1 << 20
"""Bytes that may come of however few: an empty sheet of paper packs well."""
PIECE_BYTES = 1 << 16
_BITE_BYTES = 1 << 12
"""Packed bytes that are undone at a time, so that a bomb is known by its first ones."""
_HEAD_BYTES = 32
"""Enough to tell a picture, or the coding, by how it begins."""
_GZIP = b"\x1f\x8b"
_ZLIB_METHOD, _ZLIB_CHECK = 8, 31
"""What the first byte of a zlib stream holds, and what divides its first two (RFC 1950)."""


class _Decoder(Protocol):
    """Undoes a coding; raises its `error` when it cannot."""

    error: type[Exception]

    @property
    def is_finished(self) -> bool: ...

    def unpack(self, packed: bytes) -> Iterator[bytes]: ...


class Unpacking:
    """Undoes the codings of one body, the last one first."""

    def __init__(self, codings: list[str], max_bytes: int) -> None:
        """None of `codings` may give more than `max_bytes`, whoever takes them."""
        self._stages = [_Stage(coding, max_bytes) for coding in reversed(codings)]

    def unpack(self, piece: bytes) -> Iterable[bytes]:
        """
        What comes of the next piece of the body, in pieces that are not large.

        Raises `TransferError`, while it is read.
        """
        pieces: Iterable[bytes] = (piece,)
        for stage in self._stages:
            pieces = chain.from_iterable(map(stage.unpack, pieces))
        return pieces

    def end(self) -> Iterable[bytes]:
        """What comes once the body is whole. Raises `TransferError`, while it is read."""
        pieces: Iterable[bytes] = ()
        for stage in self._stages:
            pieces = chain(chain.from_iterable(map(stage.unpack, pieces)), stage.end())
        return pieces


def codings_in(headers: Headers) -> list[str]:
    """
    The codings that a body has by its headers, and that can be undone.

    Other names are passed over, as browsers do (https://fetch.spec.whatwg.org/#handle-content-codings):
    the bytes are judged by what they are.
    """
    values = ",".join(headers.all("content-encoding")).lower().split(",")
    names = (value.strip().removeprefix("x-") for value in values)
    return [name for name in names if name in _DECODERS]


class _Stage:
    """One coding of a body; hands on what is not packed although its headers say so."""

    def __init__(self, coding: str, max_bytes: int) -> None:
        self._coding = coding
        self._max_bytes = max_bytes
        self._head: bytes | None = b""
        """The first bytes, until there are enough to see what they are."""
        self._decoder: _Decoder | None = None
        self._n_packed = 0
        self._n_unpacked = 0

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        if self._head is not None:
            self._head += piece
            if len(self._head) >= _HEAD_BYTES:
                yield from self._begin(self._head)
        elif self._decoder is None:
            yield piece
        else:
            yield from self._run(self._decoder, piece)

    def end(self) -> Iterator[bytes]:
        if self._head:
            yield from self._begin(self._head)
        if self._decoder is not None and not self._decoder.is_finished:
            raise self._failure(Outcome.truncated, "ends too soon")

    def _begin(self, head: bytes) -> Iterator[bytes]:
        self._head = None
        self._decoder = None if sniff(head) else _DECODERS[self._coding](head)
        if self._decoder is None:
            yield head
        else:
            yield from self._run(self._decoder, head)

    def _run(self, decoder: _Decoder, packed: bytes) -> Iterator[bytes]:
        for at in range(0, len(packed), _BITE_BYTES):
            bite = packed[at : at + _BITE_BYTES]
            self._n_packed += len(bite)
            try:
                for piece in decoder.unpack(bite):
                    self._count(piece)
                    yield piece
            except decoder.error:
                raise self._failure(Outcome.damaged, "cannot be unpacked") from None

    def _count(self, piece: bytes) -> None:
        if self._n_unpacked > self._max_bytes:
            raise self._failure(Outcome.too_large, f"is over {self._max_bytes} bytes unpacked")
        self._n_unpacked += len(piece)
        if self._n_unpacked > max(SMALL_BYTES, MAX_RATIO * self._n_packed):
            detail = f"is over {MAX_RATIO} times as large unpacked"
            raise self._failure(Outcome.decompression_bomb, detail)

    def _failure(self, outcome: Outcome, what: str) -> TransferError:
        return TransferError(outcome, f"content-encoding {self._coding}: the body {what}")


class _Inflate:
    error: type[Exception] = zlib.error

    def __init__(self, window_bits: int) -> None:
        self._engine = zlib.decompressobj(window_bits)

    @property
    def is_finished(self) -> bool:
        return self._engine.eof

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """What follows the stream is passed over, as browsers do."""
        has_more = bool(packed)
        while has_more and not self._engine.eof:
            piece = self._engine.decompress(packed, PIECE_BYTES)
            packed = self._engine.unconsumed_tail
            has_more = bool(packed) or len(piece) == PIECE_BYTES
            if piece:
                yield piece


class _Brotli:
    def __init__(self) -> None:
        import brotli  # noqa: PLC0415, 5 MB that few bodies need

        self.error: type[Exception] = brotli.error
        self._engine = brotli.Decompressor()

    @property
    def is_finished(self) -> bool:
        return bool(self._engine.is_finished())

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        has_more = bool(packed)
        while has_more and not self.is_finished:
            piece = self._engine.process(packed, output_buffer_limit=PIECE_BYTES)
            packed = b""
            has_more = not self._engine.can_accept_more_data()
            if piece:
                yield piece


def _gzip(head: bytes) -> _Decoder | None:
    return _Inflate(zlib.MAX_WBITS + 16) if head.startswith(_GZIP) else None


def _deflate(head: bytes) -> _Decoder:
    """With a zlib header, or without, as some servers send it."""
    has_header = head[0] & 15 == _ZLIB_METHOD and int.from_bytes(head[:2]) % _ZLIB_CHECK == 0
    return _Inflate(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


_DECODERS: dict[str, Callable[[bytes], _Decoder | None]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "br": lambda _: _Brotli(),
}
"""What makes a decoder of how a body begins; none if it is not in that coding."""

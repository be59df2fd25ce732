"""
Content codings of a body, undone once it is whole (RFC 9110, section 8.4).

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
"""Bytes that came of a packed one, beyond which a body that is too large is called a bomb."""
PIECE_BYTES = 1 << 16
_BITE_BYTES = 1 << 12
"""Packed bytes that are undone at a time: zlib copies those that it has not come to."""
_HEAD_BYTES = 32
"""Enough to tell a picture, or the coding, by how it begins."""
_PAGES = frozenset({b"<!doc", b"<html", b"<head", b"<body", b"<?xml"})
"""How a page of errors begins that is said to be packed and is not."""
_GZIP = b"\x1f\x8b"
_ZLIB_METHOD, _ZLIB_CHECK = 8, 31
"""What the first byte of a zlib stream holds, and what divides its first two (RFC 1950)."""


class _Decoder(Protocol):
    """Undoes a coding; raises its `error` when it cannot."""

    error: type[Exception]

    @property
    def is_finished(self) -> bool: ...

    def unpack(self, packed: bytes) -> Iterator[bytes]: ...


def unpacked(pieces: Iterable[bytes], codings: list[str], max_bytes: int) -> Iterator[bytes]:
    """
    The body that lies in `pieces` packed by `codings`, the last of which is undone first.

    Its pieces are not large. No coding gives more than `max_bytes` and the piece that goes beyond.

    Raises `TransferError`, while it is read.
    """
    body = iter(pieces)
    for coding in reversed(codings):
        body = _undone(coding, body, max_bytes)
    return body


def codings_in(headers: Headers) -> list[str]:
    """
    The codings that a body has by its headers, and that can be undone.

    Other names are passed over, as browsers do (https://fetch.spec.whatwg.org/#handle-content-codings):
    the bytes are judged by what they are.
    """
    values = ",".join(headers.all("content-encoding")).lower().split(",")
    names = (value.strip().removeprefix("x-") for value in values)
    return [name for name in names if name in _DECODERS]


def _undone(coding: str, pieces: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """Undo one coding; hand on what is not packed although its headers say so."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    is_plain = not head or sniff(head) or head.lstrip()[:5].lower() in _PAGES
    decoder = None if is_plain else _DECODERS[coding](head)
    body = chain((head,), pieces)
    if decoder is None:
        yield from body
        return
    n_packed = n_unpacked = 0
    for bite in _bites(body):
        n_packed += len(bite)
        try:
            for piece in decoder.unpack(bite):
                yield piece
                n_unpacked += len(piece)
                if n_unpacked > max_bytes:
                    raise _oversize(coding, n_packed, n_unpacked, max_bytes)
        except decoder.error:
            raise _failure(coding, Outcome.damaged, "cannot be unpacked") from None
    if not decoder.is_finished:
        raise _failure(coding, Outcome.truncated, "ends too soon")


def _bites(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), _BITE_BYTES):
            yield piece[at : at + _BITE_BYTES]


def _oversize(coding: str, n_packed: int, n_unpacked: int, max_bytes: int) -> TransferError:
    if n_unpacked > MAX_RATIO * n_packed:
        what = f"is over {max_bytes} bytes and {MAX_RATIO} times as large unpacked"
        return _failure(coding, Outcome.decompression_bomb, what)
    return _failure(coding, Outcome.too_large, f"is over {max_bytes} bytes unpacked")


def _failure(coding: str, outcome: Outcome, what: str) -> TransferError:
    return TransferError(outcome, f"content-encoding {coding}: the body {what}")


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
        """Ask until nothing comes: the decoder keeps some back that it says nothing of."""
        while piece := self._process(packed):
            packed = b""
            yield piece

    def _process(self, packed: bytes) -> bytes:
        if self.is_finished:
            return b""
        return bytes(self._engine.process(packed, output_buffer_limit=PIECE_BYTES))


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

"""The bytes of one answer: in memory while they are few, in an unnamed file when they are many."""

import tempfile
from collections.abc import Iterator
from typing import IO

SPILL_BYTES = 2 << 20
"""64 transfers of this size fit a small function; the largest images must not all be in memory."""
PIECE_BYTES = 1 << 16


class Body:
    """
    Append-only bytes; `close` frees them.

    However small the pieces are that come, they take little more room than their bytes.
    """

    __slots__ = ("_file", "_held", "size")

    def __init__(self) -> None:
        self.size = 0
        self._held = bytearray()
        self._file: IO[bytes] | None = None

    def append(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._file is not None:
            self._file.write(piece)
            return
        self._held += piece
        if self.size > SPILL_BYTES:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed by close()
            self._file.write(self._held)
            self._held.clear()

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the first on, in pieces of `PIECE_BYTES`."""
        if self._file is None:
            for at in range(0, len(self._held), PIECE_BYTES):
                yield bytes(memoryview(self._held)[at : at + PIECE_BYTES])
            return
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def close(self) -> None:
        self._held.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

"""The bytes of one answer: in memory while they are few, in an unnamed file when they are many."""

import tempfile
from collections.abc import Iterator
from typing import IO

SPILL_BYTES = 2 << 20
"""64 transfers of this size fit a small function; the largest images must not all be in memory."""
PIECE_BYTES = 1 << 16


class Body:
    """Append-only bytes; `close` frees the file, when there is one."""

    __slots__ = ("_file", "_pieces", "size")

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def append(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._file is not None:
            self._file.write(piece)
            return
        self._pieces.append(piece)
        if self.size > SPILL_BYTES:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115, closed by close()
            self._file.writelines(self._pieces)
            self._pieces.clear()

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the first on, in pieces of any size."""
        if self._file is None:
            yield from self._pieces
            return
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece

    def close(self) -> None:
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

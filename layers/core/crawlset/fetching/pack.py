"""A chunk's images in one uncompressed tar: a WebDataset shard, and ranges into it."""

import os
from collections.abc import Iterable
from pathlib import Path

BLOCK = 512
_END = bytes(2 * BLOCK)
_SPARE_BYTES = 16 << 20
"""Left free on the disk, for the bodies on their way."""
_MAX_NAME = 100


class PackFullError(Exception):
    """The disk has no room for this image."""


class Pack:
    """
    Written member by member, so that a chunk is never in memory; `close` ends the tar.

    The same members in the same order give the same bytes.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.size = 0
        self.n_members = 0

    def append(self, name: str, size: int, pieces: Iterable[bytes]) -> int:
        """
        Add a member of `size` bytes; the offset of its data in the tar.

        Raises `PackFullError`, and the tar is as it was.
        """
        disk = os.fstatvfs(self._fd)
        if disk.f_bavail * disk.f_frsize < size + _SPARE_BYTES:
            raise PackFullError
        padding = bytes(-size % BLOCK)
        _write(self._fd, self.size, [_header(name, size), *pieces, padding])
        offset = self.size + BLOCK
        self.size = offset + size + len(padding)
        self.n_members += 1
        return offset

    def close(self) -> None:
        _write(self._fd, self.size, [_END])
        self.size += len(_END)
        os.close(self._fd)


def _write(fd: int, at: int, pieces: list[bytes]) -> None:
    written = os.pwritev(fd, pieces[: os.sysconf("SC_IOV_MAX")], at)
    left = b"".join(pieces)[written:] if written < sum(map(len, pieces)) else b""
    while left:
        at += written
        written = os.pwrite(fd, left, at)
        left = left[written:]


def _header(name: str, size: int) -> bytes:
    """A ustar header of a regular file, mode 0644, owned by nobody, of no time (POSIX.1-1988)."""
    encoded = name.encode("ascii")
    if len(encoded) > _MAX_NAME:
        raise ValueError(name)
    fields = (
        encoded.ljust(_MAX_NAME, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,
        b"%011o\0" % size,
        b"%011o\0" % 0,
        b" " * 8,
        b"0".ljust(101, b"\0"),
        b"ustar\x0000".ljust(BLOCK - 257, b"\0"),
    )
    block = b"".join(fields)
    return b"%b%06o\0 %b" % (block[:148], sum(block), block[156:])

"""A chunk's images in one uncompressed tar: a WebDataset shard, and ranges into it."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from crawlset.kit.tar import BLOCK, END, header, padding

_SPARE_BYTES = 16 << 20
"""Left free on the disk, for the bodies on their way."""


FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system says of a disk without room."""


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
        rest = padding(size)
        _write(self._fd, self.size, [header(name, size), *pieces, rest])
        offset = self.size + BLOCK
        self.size = offset + size + len(rest)
        self.n_members += 1
        return offset

    def close(self) -> None:
        _write(self._fd, self.size, [END])
        self.size += len(END)
        os.close(self._fd)


def _write(fd: int, at: int, pieces: list[bytes]) -> None:
    written = os.pwritev(fd, pieces[: os.sysconf("SC_IOV_MAX")], at)
    left = b"".join(pieces)[written:] if written < sum(map(len, pieces)) else b""
    while left:
        at += written
        written = os.pwrite(fd, left, at)
        left = left[written:]

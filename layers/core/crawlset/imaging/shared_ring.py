"""
Memory that we write and one child reads: the files that it is to open, in a ring.

A pipe copies each file into pages of the kernel's and out again. The memory is a memfd, of which
Lambda, without /dev/shm, has some.
"""

import fcntl
import mmap
import os
import sys
from collections.abc import Iterable

_SEAL_FUTURE_WRITE = 0x10
"""`F_SEAL_FUTURE_WRITE` of Linux 5.1, which Python 3.12 has no name for."""


class SharedRing:
    """
    Bytes that are laid down in turn and overwritten once `n_bytes` more have been.

    `fd` is for the child, `close_fd` for when it has it. Whoever has it may read the ring, never
    write to it, nor change its size, which would end us at our next byte:
    https://man7.org/linux/man-pages/man2/F_GET_SEALS.2const.html.
    """

    def __init__(self, n_bytes: int) -> None:
        """Raises `OSError` where the system has no such memory."""
        self.n_bytes = n_bytes
        self.fd = os.memfd_create("pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.fd, n_bytes)
            self._memory = mmap.mmap(self.fd, n_bytes)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEAL_FUTURE_WRITE | seals)
        except OSError:
            os.close(self.fd)
            raise
        self._end = 0

    def put(self, pieces: Iterable[bytes]) -> int:
        """Lay down `pieces`, `n_bytes` in all at most; gives where they begin."""
        start = at = self._end
        for piece in pieces:
            n_first = min(len(piece), self.n_bytes - at)
            self._memory[at : at + n_first] = piece[:n_first]
            at += n_first
            if n_first < len(piece):
                at = len(piece) - n_first
                self._memory[:at] = piece[n_first:]
        self._end = at
        return start

    def close_fd(self) -> None:
        os.close(self.fd)

    def close(self) -> None:
        self._memory.close()


class RingReader:
    """The ring at `fd`, which is closed, as the child sees it."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        os.close(fd)

    def read(self, start: int, size: int) -> bytes:
        data = self._memory[start : start + size]
        return data if len(data) == size else data + self._memory[: size - len(data)]


def new_ring(n_bytes: int) -> SharedRing | None:
    """A ring, or none where the system has no such memory."""
    if sys.platform != "linux":
        return None
    try:
        return SharedRing(n_bytes)
    except OSError:
        return None

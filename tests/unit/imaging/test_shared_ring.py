import mmap
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from crawlset.imaging.shared_ring import RingReader, SharedRing

ATTACKS = {
    "write": "os.write(fd, b'x')",
    "write at a place": "os.pwrite(fd, b'x', 0)",
    "map it writable": "mmap.mmap(fd, 0)",
    "make the mapping writable": "libc.mprotect(ctypes.addressof(seen), 4096, 3) and exit(1)",
    "cut it short": "os.ftruncate(fd, 0)",
    "make it longer": "os.ftruncate(fd, 1 << 20)",
    "take a hole out": "libc.fallocate(fd, 3, 0, 4096) and exit(1)",
}
PROGRAM = """
import ctypes, mmap, os, sys
fd = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
seen = ctypes.c_char.from_address(libc.mmap(None, 4096, 1, 1, fd, 0))
print(os.pread(fd, 5, 0).decode(), end="", flush=True)
"""


@pytest.fixture
def make() -> Iterator[Callable[[int], SharedRing]]:
    rings = []

    def make(n_bytes: int) -> SharedRing:
        rings.append(SharedRing(n_bytes))
        return rings[-1]

    yield make
    for ring in rings:
        ring.close()
        ring.close_fd()


class TestSharedRing:
    def test_gives_what_was_laid_down_last_wherever_it_lies(
        self, make: Callable[[int], SharedRing]
    ) -> None:
        ring = make(1000)
        reader = RingReader(os.dup(ring.fd))
        chance = random.Random(4)

        for size in (0, 1, 999, 1000, *(chance.randint(0, 1000) for _ in range(200))):
            data = chance.randbytes(size)
            cut = chance.randint(0, size)

            start = ring.put([data[:cut], data[cut:]])

            assert reader.read(start, size) == data

    def test_keeps_what_was_laid_down_before_as_long_as_all_of_it_fits(
        self, make: Callable[[int], SharedRing]
    ) -> None:
        ring = make(1000)
        reader = RingReader(os.dup(ring.fd))
        pictures = [random.Random(n).randbytes(330) for n in range(20)]
        starts: list[int] = []

        for at, picture in enumerate(pictures):
            starts.append(ring.put([picture]))

            for earlier in range(max(0, at - 2), at + 1):
                assert reader.read(starts[earlier], 330) == pictures[earlier]

    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
    def test_can_be_read_and_not_changed_by_whoever_has_its_descriptor(
        self, make: Callable[[int], SharedRing], attack: str
    ) -> None:
        ring = make(1 << 16)
        ring.put([b"whole"])

        done = subprocess.run(
            [sys.executable, "-c", PROGRAM + attack, str(ring.fd)],
            pass_fds=[ring.fd],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.stdout, done.returncode) == ("whole", 1)
        assert os.fstat(ring.fd).st_size == 1 << 16
        with closing(mmap.mmap(ring.fd, 0, access=mmap.ACCESS_READ)) as seen:
            assert seen[:5] == b"whole"

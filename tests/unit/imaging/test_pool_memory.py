import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.pool import DecodePool
from crawlset.kit.event_loop import Loop
from tests.unit.imaging import pictures
from tests.unit.imaging.decoding import decode_all


def memory_shared_with(pid: int) -> set[str]:
    """Inodes of the memory that this process shares with a decoding child or its parent."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[4] for line in lines if "memfd:pictures" in line}


def n_open() -> tuple[int, int]:
    """Files that we have open, and memory that we share with children."""
    return len(list(Path("/proc/self/fd").iterdir())), len(memory_shared_with(os.getpid()))


class TestDecodePool:
    def test_describes_the_same_where_there_is_no_memory_to_share(
        self, loop: Loop, start: Callable[..., DecodePool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = [pictures.jpeg(), b"nothing", pictures.encoded("PNG", pictures.picture("RGB"))]
        shared = decode_all(loop, start(), files)

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSYS, "Function not implemented")

        monkeypatch.setattr(os, "memfd_create", refuse)
        pool = start()

        assert decode_all(loop, pool, files) == shared == [describe(data) for data in files]
        assert not memory_shared_with(pool.pids[0])

    def test_shares_with_each_child_memory_that_no_other_has_seen(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        first = memory_shared_with(pool.pids[0])
        os.kill(pool.pids[0], signal.SIGKILL)
        decode_all(loop, pool, [pictures.jpeg()])
        decode_all(loop, pool, [pictures.jpeg()])

        second = memory_shared_with(pool.pids[0])

        assert (len(first), len(second)) == (1, 1)
        assert first != second

    def test_leaves_nothing_open_behind_children_that_it_replaces(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        before = n_open()

        for _ in range(3):
            os.kill(pool.pids[0], signal.SIGKILL)
            decode_all(loop, pool, [pictures.jpeg()])

        assert n_open() == before

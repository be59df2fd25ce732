import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from crawlset.fetching.body import Body
from crawlset.fetching.loop import Loop, Promise
from crawlset.imaging.decode import Features, Rejection
from crawlset.imaging.pool import DecodePool, DecoderUnavailableError
from crawlset.outcomes import Outcome
from tests.unit.imaging import pictures

Seen = Features | Rejection


@pytest.fixture
def loop() -> Iterator[Loop]:
    with closing(Loop()) as loop:
        yield loop


@pytest.fixture
def start(loop: Loop) -> Iterator[Callable[..., DecodePool]]:
    pools = []

    def start(**limits: float) -> DecodePool:
        pool = DecodePool(1, **limits)  # type: ignore[arg-type]
        pool.attach(loop)
        pools.append(pool)
        return pool

    yield start
    for pool in pools:
        pool.close()


def body(data: bytes) -> Body:
    made = Body()
    made.append(data)
    return made


def decode_all(loop: Loop, pool: DecodePool, files: list[bytes]) -> list[Seen]:
    """What the pool says of each file, in the order of the files."""
    seen: dict[int, Seen] = {}

    async def decode(at: int, data: bytes) -> None:
        answered: Promise[Seen] = Promise(loop)
        with closing(body(data)) as picture:
            pool.decode(picture, answered.settle)
            seen[at] = await answered

    for at, data in enumerate(files):
        loop.spawn(decode(at, data))
    loop.run()
    return [seen[at] for at in range(len(files))]


class TestDecodePool:
    def test_describes_files_larger_than_a_pipe(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        large = pictures.encoded("PNG", pictures.picture("RGB", (2000, 1500)), compress_level=0)

        seen = decode_all(loop, start(), [large, pictures.jpeg(), b"nothing"])

        assert isinstance(seen[0], Features)
        assert (seen[0].width, len(large) > 1 << 20) == (2000, True)
        assert isinstance(seen[1], Features)
        assert seen[2] == Rejection(Outcome.not_image, "no image signature")

    def test_outlives_a_loop(self, start: Callable[..., DecodePool]) -> None:
        with closing(Loop()) as first, closing(Loop()) as second:
            pool = DecodePool(1)
            for loop in (first, second):
                pool.attach(loop)
                (seen,) = decode_all(loop, pool, [pictures.jpeg()])
                pool.detach()

                assert isinstance(seen, Features)
            pool.close()

    def test_loses_one_picture_to_a_child_that_is_killed_and_replaces_it(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        loop.call_later(0.05, lambda: os.kill(pid, signal.SIGKILL))

        seen = decode_all(loop, pool, [pictures.jpeg(), pictures.jpeg()])

        assert seen[0] == Rejection(Outcome.decode_crash, "killed by SIGKILL")
        assert isinstance(seen[1], Features)
        assert pool.pids != [pid]

    def test_replaces_a_child_that_died_while_idle(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start()
        decode_all(loop, pool, [pictures.jpeg()])
        os.kill(pool.pids[0], signal.SIGKILL)
        os.waitid(os.P_PID, pool.pids[0], os.WEXITED | os.WNOWAIT)

        first, second = decode_all(loop, pool, [pictures.jpeg(), pictures.jpeg()])

        assert isinstance(second, Features)
        assert isinstance(first, Features) or first.outcome == Outcome.decode_crash

    def test_ends_a_child_that_takes_too_long(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start(wall_seconds=1.5)
        decode_all(loop, pool, [pictures.jpeg()])
        os.kill(pool.pids[0], signal.SIGSTOP)

        seen = decode_all(loop, pool, [pictures.jpeg(), pictures.jpeg()])

        assert seen[0] == Rejection(Outcome.decode_crash, "out of time")
        assert isinstance(seen[1], Features)

    def test_refuses_what_needs_more_memory_than_a_child_gets(
        self, loop: Loop, start: Callable[..., DecodePool]
    ) -> None:
        pool = start(max_memory=200 << 20)
        large = pictures.encoded("PNG", Image.new("RGBA", (6000, 6000)))

        seen = decode_all(loop, pool, [large, pictures.jpeg()])

        assert seen[0] == Rejection(
            Outcome.decompression_bomb, "needs more memory than a decoder gets"
        )
        assert isinstance(seen[1], Features)

    def test_gives_a_child_no_credentials(self, start: Callable[..., DecodePool]) -> None:
        pool = start()

        environment = Path(f"/proc/{pool.pids[0]}/environ").read_bytes()

        assert b"AWS_" not in environment

    def test_says_when_no_child_can_start(
        self, loop: Loop, start: Callable[..., DecodePool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", shutil.which("false"))

        with pytest.raises(DecoderUnavailableError):
            decode_all(loop, start(), [pictures.jpeg()])

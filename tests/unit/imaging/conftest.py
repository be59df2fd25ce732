from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from crawlset.imaging.pool import DecodePool
from crawlset.kit.event_loop import Loop
from tests.unit.imaging.decoding import WALL_SECONDS


@pytest.fixture
def loop() -> Iterator[Loop]:
    with closing(Loop()) as loop:
        yield loop


@pytest.fixture
def start(loop: Loop) -> Iterator[Callable[..., DecodePool]]:
    pools = []

    def start(**limits: float) -> DecodePool:
        pool = DecodePool(1, **{"wall_seconds": WALL_SECONDS} | limits)  # type: ignore[arg-type]
        pool.attach(loop)
        pools.append(pool)
        return pool

    yield start
    for pool in pools:
        pool.close()

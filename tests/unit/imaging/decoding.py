"""Pictures decoded by a pool, on a loop that tests give."""

from contextlib import closing

from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.kit.event_loop import Loop, Promise
from crawlset.kit.spool import Body
from crawlset.resizing import Resize

Seen = Features | Rejection
WALL_SECONDS = 120.0
"""Of a picture on a machine that is busy."""


def body(data: bytes, piece: int) -> Body:
    made = Body()
    for at in range(0, len(data), piece):
        made.append(data[at : at + piece])
    return made


def decode_all(
    loop: Loop,
    pool: DecodePool,
    files: list[bytes],
    piece: int = 1 << 24,
    resize: Resize | None = None,
) -> list[Seen]:
    """What the pool says of each file, in the order of the files."""
    seen: dict[int, Seen] = {}

    async def decode(at: int, data: bytes) -> None:
        answered: Promise[Seen] = Promise(loop)
        with closing(body(data, piece)) as picture:
            pool.decode(picture, answered.settle, resize)
            seen[at] = await answered

    for at, data in enumerate(files):
        loop.spawn(decode(at, data))
    loop.run()
    return [seen[at] for at in range(len(files))]

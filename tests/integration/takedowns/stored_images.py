"""Stored images for takedowns to take, and the function that takes them."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.kit.batch import Delivery
from crawlset.models import CrawlJob, Image, Takedown, WorkStatus
from crawlset.packs.writer import Pack
from crawlset.wire import keys
from functions.takedown import app
from tests import factories

Store = Callable[..., list[Image]]
CAT = b"a cat that its owner wants back" * 40
DOG = b"a dog that may stay" * 40
OWL = b"an owl that may stay too" * 40
AT_ONCE = {"grace_hours": 0}
HOST = {"kind": "host", "value": "a.test"}
CREATOR = {"kind": "creator", "value": "Ida"}
ON_HOST = {"url": "https://a.test/cat.jpg"}


def storing(session: Session, job: CrawlJob) -> Store:
    """Store images of some bodies in one pack; `each` has columns by body."""

    def store(
        *bodies: bytes, each: dict[bytes, dict[str, Any]] | None = None, into: CrawlJob = job
    ) -> list[Image]:
        chunk = factories.create_chunk(
            session, into, n_urls=len(bodies), status=WorkStatus.completed
        )
        chunk.pack_key = keys.pack(into.id, chunk.id, 1, "t")
        images = []
        with TemporaryDirectory() as directory:
            path = Path(directory, "pack.tar")
            with closing(Pack(path)) as pack:
                for n, body in enumerate(bodies):
                    place = {
                        "ordinal": n,
                        "sha256": hashlib.sha256(body).digest(),
                        "file_size": len(body),
                        "pack_offset": pack.append(f"{n:03d}.jpg", len(body), [body]),
                        "pack_length": len(body),
                        "downloaded_at": datetime(2026, 1, 1, tzinfo=UTC),
                    }
                    more = (each or {}).get(body, {})
                    images.append(factories.create_image(session, chunk, **place | more))
            objects.put_file(chunk.pack_key, path)
        session.commit()
        return images

    return store


def carrying_out(queues: Any) -> Callable[[], int]:
    """Hand the function what waits on its queue, until nothing does; how many messages."""

    def carry_out() -> int:
        n = 0
        while bodies := queues.bodies("takedowns"):
            for body in bodies:
                app.handle_message(Delivery("m", body, 1, "handle"))
                n += 1
        return n

    return carry_out


def bytes_in_bucket() -> bytes:
    return b"".join(objects.get(key) for key in objects.list_keys(""))


def content(image: Image) -> bytes:
    assert image.pack_key is not None
    return objects.get_range(image.pack_key, image.pack_offset or 0, image.pack_length or 0)


def columns(image: Image) -> dict[str, Any]:
    return {column.key: getattr(image, column.key) for column in inspect(Image).columns}


def end_grace(session: Session) -> None:
    for takedown in session.scalars(select(Takedown)):
        # By the database's clock, which stands still while the test's transaction lasts.
        takedown.removes_at = func.now() - timedelta(seconds=1)
    session.commit()

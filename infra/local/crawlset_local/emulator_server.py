"""
Serves the AWS emulator's ASGI application on loopback, until it is told to stop.

With uvicorn and httptools: the emulator's own server takes twice their time for a small request
(docs/decisions/0061-the-emulator-behind-uvicorn.md). Of an object that a part is asked of, it reads
no more than the part.
"""

import argparse
import mmap
import resource
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from ministack.services import s3

from crawlset_local.ports import LOOPBACK

IDLE_SECONDS = 75
"""How long a connection may say nothing; the emulator's own value."""

DRAIN_SECONDS = 1
"""How long a stop waits for requests: a caller may wait minutes for a function that it invoked."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="crawlset_local.emulator_server")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    _allow_many_files()
    _map_ranges()
    uvicorn.run(
        "ministack.app:app",
        host=LOOPBACK,
        port=port,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _map_ranges() -> None:
    """
    Have the emulator map the file of an object that a range is asked of, in place of reading it.

    The emulator, in the version that is pinned, does nothing with such a body but cut the range
    out of it. A picture of a pack of 54 MB took it 20 ms otherwise.
    """
    get_object, read_body = s3._get_object, s3._read_body  # noqa: SLF001
    asked = threading.local()

    def get_part(
        bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None
    ) -> Any:
        asked.part = "range" in headers
        try:
            return get_object(bucket, key, headers, query)
        finally:
            asked.part = False

    def read_or_map(bucket: str, key: str, record: dict[str, Any]) -> Any:
        if getattr(asked, "part", False) and record.get("body") is None:
            path = s3._object_disk_path(bucket, key)  # noqa: SLF001
            # An empty file cannot be mapped.
            with suppress(OSError, TypeError, ValueError), Path(path).open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return read_body(bucket, key, record)

    s3._get_object, s3._read_body = get_part, read_or_map  # noqa: SLF001


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the system lets it; functions inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a Mac's hard limit is not one that it grants
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()

"""
Serves the AWS emulator's ASGI application on loopback, until it is told to stop.

With uvicorn and httptools: the emulator's own server takes twice their time for a small request
(docs/decisions/0061-the-emulator-behind-uvicorn.md).
"""

import argparse
import resource
from contextlib import suppress

import uvicorn

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


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the system lets it; functions inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a Mac's hard limit is not one that it grants
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()

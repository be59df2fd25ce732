from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawlset.fetching.chunk import ChunkResult, run_chunk
from crawlset.fetching.limits import Limits
from crawlset.imaging.pool import DecodePool
from crawlset.wire.chunks import ChunkUrl
from tests.integration.fetching.chunk_fetch import QUICK, USER_AGENT, Fetch
from tests.integration.web_server import Web, serve


@pytest.fixture(scope="session")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(2)
    yield pool
    pool.close()


@pytest.fixture
def web() -> Iterator[Web]:
    with serve() as web:
        yield web


@pytest.fixture
def pack_path(tmp_path: Path) -> Path:
    return tmp_path / "pack.tar"


@pytest.fixture
def fetch(web: Web, pool: DecodePool, pack_path: Path) -> Fetch:
    """`run_chunk` on URLs or candidates, with limits that suit a test."""

    def fetch(*asked: str | ChunkUrl, limits: Limits = QUICK, **options: Any) -> ChunkResult:
        candidates = [
            ChunkUrl(n, each) if isinstance(each, str) else each for n, each in enumerate(asked)
        ]
        defaults: dict[str, Any] = {
            "chunk_id": "chunk",
            "pack_path": pack_path,
            "pool": pool,
            "user_agent": USER_AGENT,
            "private_hosts": web.hosts,
            "seconds_left": lambda: 300.0,
            "is_cancelled": lambda: False,
            "limits": limits,
        }
        return run_chunk(candidates, **(defaults | options))

    return fetch

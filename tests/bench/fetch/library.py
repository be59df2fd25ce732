"""
Our engine as a library: chunks of 500 URLs, one after the other, with every check and feature.
Prints how many URLs came to each outcome, as JSON in the last line.

`python -m tests.bench.fetch.library CONFIG`, where CONFIG is a `Config` as JSON.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from crawlset.fetching.chunk import run_chunk
from crawlset.fetching.limits import Limits
from crawlset.imaging.pool import DecodePool
from crawlset.resizing import Resize, ResizeMode
from crawlset.wire.chunks import ChunkUrl

CHUNK_URLS = 500
SECONDS = 3600.0


@dataclass(frozen=True)
class Config:
    urls: str
    """A file with a URL a line."""
    out: str
    """Directory of the packs."""
    n_children: int
    n_per_host: int
    """Requests to one host at once: the service's number, or more where there is one host only."""
    bundle: str | None = None
    """Certificates to trust in place of certifi's."""
    resize: int | None = None
    """Short side to bring every picture to."""

    def argument(self) -> str:
        return json.dumps(asdict(self))


def main(config: Config) -> None:
    urls = Path(config.urls).read_text().splitlines()
    counts: Counter[str] = Counter()
    with closing(DecodePool(config.n_children)) as pool:
        for n, chunk in enumerate(_chunks(ChunkUrl(n, url) for n, url in enumerate(urls))):
            result = run_chunk(
                chunk,
                chunk_id=f"chunk-{n:05d}",
                pack_path=Path(config.out) / f"{n:05d}.tar",
                pool=pool,
                user_agent="crawlset-bench/1 (bench@localhost)",
                private_hosts=frozenset(urlsplit(c.url).netloc for c in chunk),
                seconds_left=lambda: SECONDS,
                is_cancelled=lambda: False,
                limits=Limits(n_per_host=config.n_per_host),
                ca_file=config.bundle,
                resize=_resize(config.resize),
            )
            counts += result.counts
    print(json.dumps(counts))


def outcomes(printed: str) -> dict[str, int]:
    """How many URLs came to each outcome, from what was printed."""
    counts: dict[str, int] = json.loads(printed.splitlines()[-1])
    return counts


def _chunks(candidates: Iterable[ChunkUrl]) -> Iterator[list[ChunkUrl]]:
    left = iter(candidates)
    while chunk := list(islice(left, CHUNK_URLS)):
        yield chunk


def _resize(size: int | None) -> Resize | None:
    return Resize(ResizeMode.keep_ratio, size) if size is not None else None


if __name__ == "__main__":
    main(Config(**json.loads(sys.argv[1])))

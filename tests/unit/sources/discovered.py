"""Candidates in, parts out: what `discover` makes of the pages of a source."""

from collections.abc import Callable, Iterator
from typing import Any

from crawlset.kit.json_lines import unpack_lines
from crawlset.sources.discover import Discovered, discover
from crawlset.sources.protocol import Candidate, CandidatePage
from crawlset.wire.candidates import CandidateLine, PartHead
from crawlset.wire.record import unpack
from crawlset.wire.searches import DiscoverMessage, SearchRequest

PREFIX = f"jobs/00000000-0000-0000-0000-{1:012}/candidates/00000000-0000-0000-0000-{2:012}"


def candidate(number: int, **fields: Any) -> Candidate:
    return Candidate(url=f"https://a.example/{number}.jpg", **fields)


def answering(
    *pages: list[Candidate] | Exception,
) -> Callable[[SearchRequest, Any], Iterator[CandidatePage]]:
    def ask(request: SearchRequest, cursor: Any) -> Iterator[CandidatePage]:
        for page in pages:
            if isinstance(page, Exception):
                raise page
            yield CandidatePage(page)

    return ask


def run(
    message: DiscoverMessage, *pages: list[Candidate] | Exception, cancelled_at: int | None = None
) -> tuple[Discovered, list[tuple[PartHead, list[CandidateLine]]]]:
    """What `discover` says, and the header and lines of each part in the order of writing."""
    written: list[tuple[str, bytes]] = []
    checks = iter(range(1_000))
    found = discover(
        message,
        ask=answering(*pages),
        write=lambda key, body: written.append((key, body)),
        is_cancelled=lambda: next(checks) == cancelled_at,
    )
    assert [key for key, _ in written] == [
        f"{PREFIX}.{part:05}.jsonl.gz" for part in range(len(written))
    ]
    return found, [unpack(PartHead, CandidateLine, unpack_lines(body)) for _, body in written]

"""Candidates as `discover` leaves them, planned."""

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from crawlset.crawls import planning
from crawlset.kit import objects
from crawlset.models import CrawlJob
from crawlset.wire import keys
from crawlset.wire.candidates import CandidateLine, PartHead
from crawlset.wire.record import pack
from tests import factories


def candidate(url: str, **overrides: Any) -> CandidateLine:
    line = CandidateLine(
        url=url,
        source="sample",
        query="cat",
        keyword="cat",
        rank=1,
        landing_url=None,
        licence="cc0-1.0",
        licence_raw="CC0",
        creator=None,
        attribution=None,
        title=None,
    )
    return replace(line, **overrides)


def plan(session: Session, job: CrawlJob, urls: list[str]) -> int:
    """Plan `urls` as the one part of a new search of the job; how many were new."""
    search = factories.create_search(session, job)
    unknown = dict.fromkeys(("query", "keyword", "licence", "licence_raw"))
    lines = [candidate(url, source="urls", rank=rank, **unknown) for rank, url in enumerate(urls)]
    key = keys.candidates(job.id, search.id, 0)
    objects.put(key, pack(PartHead(attempt=1, n_parts=1), lines))
    return planning.plan_part(key)

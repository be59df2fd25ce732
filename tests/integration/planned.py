"""Candidates as `discover` leaves them, planned."""

from typing import Any

from sqlalchemy.orm import Session

from crawlset.crawls import planning
from crawlset.kit import objects
from crawlset.kit.json_lines import pack_lines
from crawlset.models import CrawlJob
from crawlset.wire import keys
from tests import factories


def plan(session: Session, job: CrawlJob, urls: list[str]) -> int:
    """Plan `urls` as the one part of a new search of the job; how many were new."""
    search = factories.create_search(session, job)
    head = {
        "v": 1,
        "job_id": str(job.id),
        "search_id": str(search.id),
        "attempt": 1,
        "part": 0,
        "n_parts": 1,
        "error": None,
    }
    names = ("landing_url", "licence", "licence_raw", "creator", "attribution", "title")
    nothing: dict[str, Any] = dict.fromkeys((*names, "width", "height", "refused"))
    lines = [
        nothing | {"url": url, "source": "urls", "query": None, "keyword": None, "rank": rank}
        for rank, url in enumerate(urls)
    ]
    key = keys.candidates(job.id, search.id, 0)
    objects.put(key, pack_lines([head, *lines]))
    return planning.plan_part(key)

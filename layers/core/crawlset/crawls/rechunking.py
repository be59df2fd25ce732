"""New chunks for images that have been planned before: to retry, to defer, to re-crawl."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.crawls import lanes, owned_hosts
from crawlset.crawls.planner import LANE_URLS, plan
from crawlset.images.repository import ImageRepository
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob
from crawlset.urls.spelling import plain_host


def rechunk(
    session: Session,
    job: CrawlJob,
    images: Sequence[tuple[int, str]],
    *,
    is_recrawl: bool = False,
    wait: timedelta | None = None,
    reason: str | None = None,
) -> list[UUID]:
    """
    Move `images`, as (id, host), to new pending chunks, counted by what their images are.

    With `wait` nobody dispatches them before, for `reason` if it is none of the hosts. The chunks
    they leave are for the caller to count.
    """
    repository = ImageRepository(session)
    hosts = [plain_host(host) for _, host in images]
    others = Counter(repository.count_hosts(job, list(set(hosts)), LANE_URLS + 1)) - Counter(hosts)
    per_host = owned_hosts.allowed(session, job)
    leads = lanes.leads(session, [host for host in hosts if host not in per_host], others)
    planned = {new_id(): chunk for chunk in plan(hosts, leads, per_host)}
    ChunkRepository(session).add(
        job,
        [
            {"id": id_, "lane": chunk.lane, "per_host": chunk.per_host}
            for id_, chunk in planned.items()
        ],
        is_recrawl=is_recrawl,
        error_message=reason,
        wait=wait,
    )
    repository.move_to_chunks(
        [
            {"id": images[place][0], "chunk_id": id_, "ordinal": ordinal}
            for id_, chunk in planned.items()
            for ordinal, place in enumerate(chunk.members)
        ]
    )
    ChunkRepository(session).recount(planned)
    return [*planned]

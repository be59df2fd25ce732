"""New chunks for images that have been planned before: to retry, to defer, to re-crawl."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset.crawls import owned_hosts
from crawlset.crawls.planner import LANE_URLS, plan
from crawlset.images.repository import ImageRepository
from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob, JobChunk, WorkStatus
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
    chunks = []
    for planned in plan(hosts, others, owned_hosts.allowed(job)):
        chunk = JobChunk(
            id=new_id(),
            user_id=job.user_id,
            crawl_job_id=job.id,
            lane=planned.lane,
            per_host=planned.per_host,
            status=WorkStatus.pending,
            is_recrawl=is_recrawl,
            not_before=func.now() + wait if wait is not None else None,
            error_message=reason,
            n_urls=len(planned.members),
        )
        session.add(chunk)
        session.flush()
        repository.move_to_chunks(
            (images[place][0], chunk.id, ordinal) for ordinal, place in enumerate(planned.members)
        )
        repository.count(chunk)
        chunks.append(chunk)
    session.flush()
    return [chunk.id for chunk in chunks]

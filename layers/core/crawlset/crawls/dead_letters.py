"""Make terminal what a queue has given up on, with a reason a user can read."""

import json
from typing import Any
from uuid import UUID

from crawlset.crawls import finishing
from crawlset.crawls.messages import keys_of, parse_candidates_key, parse_outcome_key
from crawlset.jobs.crawl_jobs import CrawlRepository
from crawlset.kit import db
from crawlset.observability import logger, metrics
from crawlset.pipeline import service as pipeline
from crawlset.wire import keys

REASON = "The work failed {n} times and was given up."


def bury(body: str, n_receives: int) -> None:
    """
    End the work that the message stands for.

    A message nobody can read is logged and let go: it stands for no work we could name.
    """
    reason = REASON.format(n=n_receives)
    metrics.add_metric(name="MessagesBuried", unit="Count", value=1)
    try:
        message = json.loads(body)
        dead = _named_by(message)
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.exception("dead_letter_unreadable")
        return
    for job_id, kind, id_ in dead:
        with db.transaction() as session:
            job = CrawlRepository(session).find(job_id)
            if job is None:
                logger.info("dead_letter_without_job", job_id=str(job_id))
            elif kind == "chunk":
                finishing.fail_chunk(session, job, id_, reason)
            else:
                finishing.fail_search(session, job, id_, reason)


def bury_execution(detail: dict[str, Any]) -> None:
    """End the jobs of an execution of the pipeline that failed, timed out or was stopped."""
    named = json.loads(detail["input"])
    with db.transaction(UUID(named["user_id"])) as session:
        pipeline.fail(
            session,
            validation_job_id=_optional_id(named["validation_job_id"]),
            export_job_id=_optional_id(named["export_job_id"]),
            reason=f"The execution ended as {detail['status']}.",
        )


def _named_by(message: dict[str, Any]) -> list[tuple[UUID, str, UUID]]:
    if "delivery_id" in message:
        return []  # the lease of its attempt ends, and the next one begins
    if "probe_id" in message:
        return []  # the next estimate asks again
    if "takedown_id" in message or "rewrite_id" in message:
        return []  # it has to be done some time: the tick sends for it again
    if "chunk_id" in message:
        return [(UUID(message["job_id"]), "chunk", UUID(message["chunk_id"]))]
    if "search_id" in message:
        return [(UUID(message["job_id"]), "search", UUID(message["search_id"]))]
    dead = []
    for key in keys_of(message):
        if key.endswith((f"/{keys.PROBE}", f"/{keys.DEFERRAL}")):
            continue  # the next estimate asks again; the sweeper finds a search that has stopped
        if key.endswith("/outcome"):
            outcome = parse_outcome_key(key)
            dead.append((outcome.job_id, "chunk", outcome.chunk_id))
        else:
            part = parse_candidates_key(key)
            dead.append((part.job_id, "search", part.search_id))
    return dead


def _optional_id(text: str | None) -> UUID | None:
    return UUID(text) if text else None

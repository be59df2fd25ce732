"""Make terminal what a queue has given up on, with a reason a user can read."""

from typing import Any

from crawlset.crawls import finishing, recording
from crawlset.errors import UnavailableError
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit import aws, db, objects
from crawlset.kit.strict_json import MalformedJsonError
from crawlset.observability import logger, metrics
from crawlset.pipeline import service as pipeline
from crawlset.wire import keys
from crawlset.wire.dead_letters import work_of
from crawlset.wire.pipeline import Execution

REASON = "The work failed {n} times and was given up."


def bury(body: str, n_receives: int) -> None:
    """
    End the work that the message stands for. What a chunk has come to is recorded, if it can be.

    A message nobody can read is logged and let go: it stands for no work we could name.
    """
    reason = REASON.format(n=n_receives)
    metrics.add_metric(name="MessagesBuried", unit="Count", value=1)
    try:
        dead = work_of(body)
    except MalformedJsonError:
        logger.exception("dead_letter_unreadable")
        return
    for job_id, kind, id_ in dead:
        if kind == "chunk":
            _record(keys.outcome(job_id, id_))
        with db.transaction() as session:
            job = CrawlRepository(session).find(job_id)
            if job is None:
                logger.info("dead_letter_without_job", job_id=str(job_id))
            elif kind == "chunk":
                finishing.fail_chunk(session, job, id_, reason)
            else:
                finishing.fail_search(session, job, id_, reason)


def _record(key: str) -> None:
    """
    Record an outcome that is there: what was away may have been for longer than all the tries.

    While it still is, this raises; an outcome that cannot be recorded for another reason is logged.
    """
    try:
        if objects.exists(key):
            recording.record_outcome(key)
    except Exception as error:
        if isinstance(error, UnavailableError) or aws.is_unavailable(error):
            raise
        logger.exception("outcome_not_recorded", key=key)


def bury_execution(detail: dict[str, Any]) -> None:
    """End the jobs of an execution of the pipeline that failed, timed out or was stopped."""
    execution = Execution.from_json(detail["input"])
    with db.transaction(execution.user_id) as session:
        pipeline.fail(
            session,
            validation_job_id=execution.validation_job_id,
            export_job_id=execution.export_job_id,
            reason=f"The execution ended as {detail['status']}.",
        )

"""The steps of a validation, as the state machine runs them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.models import ImageVerdict, ValidationJob
from crawlset.wire.pipeline import Execution
from crawlset.wire.validators import ValidatorRequest
from functions.validate import app
from tests.invocations import CONTEXT

Validator = Callable[[dict[str, Any]], Any]
STEPS = ("evaluate", "deduplicate", "compare", "cluster", "judge", "finish")


def step(validation_job: ValidationJob, name: str, **more: Any) -> dict[str, Any]:
    execution = Execution(
        validation_job.user_id, validation_job.crawl_job_id, validation_job.id, None
    )
    return app.handler(execution.to_json() | {"step": name} | more, CONTEXT)


def validate(
    validation_job: ValidationJob, validator: Validator | None = None, *, times: int = 1
) -> None:
    """Each step so many `times`; batches are given to `validator`, as Lambda would."""

    def run(name: str, **more: Any) -> dict[str, Any]:
        first, *_ = [step(validation_job, name, **more) for _ in range(times)]
        return first

    run("evaluate")
    for share in run("deduplicate")["shares"]:
        run("compare", **share)
    clustered = run("cluster")
    for batch in clustered["batches"]:
        assert validator is not None
        key = f"{clustered['folder']}{batch['index']}.json"
        told: dict[str, Any]
        try:
            told = {"answer": validator(ValidatorRequest(clustered["bucket"], key).to_json())}
        except Exception as error:  # noqa: BLE001 - whatever a validator raises
            told = {"error": {"Error": type(error).__name__, "Cause": str(error)}}
        run("judge", index=batch["index"], **told)
    run("finish")


def verdicts(session: Session, validation_job: ValidationJob) -> dict[int, ImageVerdict]:
    session.expire_all()
    rows = session.scalars(
        select(ImageVerdict).where(ImageVerdict.validation_job_id == validation_job.id)
    )
    return {row.image_id: row for row in rows}

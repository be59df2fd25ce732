"""The steps of a validation, as the state machine runs them."""

import json
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
STEPS = (
    "evaluate",
    "judge",
    "measure",
    "keep",
    "decide",
    "deduplicate",
    "compare",
    "put_out_copies",
    "finish",
)


def step(validation_job: ValidationJob, name: str, **more: Any) -> dict[str, Any]:
    execution = Execution(
        validation_job.user_id, validation_job.crawl_job_id, validation_job.id, None
    )
    return app.handler(execution.to_json() | {"step": name} | more, CONTEXT)


def validate(
    validation_job: ValidationJob,
    validator: Validator | None = None,
    *,
    measurer: Validator | None = None,
    times: int = 1,
) -> None:
    """Each step so many `times`; batches go to `validator` and `measurer`, as Lambda would."""

    def run(name: str, **more: Any) -> dict[str, Any]:
        first, *_ = [step(validation_job, name, **more) for _ in range(times)]
        return first

    def ask(asked: Validator | None, given: dict[str, Any], told: str) -> None:
        for index in indices_of(given):
            assert asked is not None
            key = f"{given['folder']}{index}.json"
            answer: dict[str, Any]
            try:
                answer = {"answer": asked(ValidatorRequest(given["bucket"], key).to_json())}
            except Exception as error:  # noqa: BLE001 - whatever it raises
                cause = json.dumps({"errorMessage": str(error)})
                answer = {"error": {"Error": type(error).__name__, "Cause": cause}}
            run(told, index=index, **answer)

    ask(validator, run("evaluate", in_groups=True), "judge")
    ask(measurer, run("measure", in_groups=True), "keep")
    run("decide")
    for group in run("deduplicate", in_groups=True)["groups"]:
        for index in group["indices"]:
            run("compare", rule=group["rule"], index=index)
    run("put_out_copies")
    run("finish")


def indices_of(given: dict[str, Any]) -> list[int]:
    """What a map goes through."""
    return [index for group in given["groups"] for index in group["indices"]]


def verdicts(session: Session, validation_job: ValidationJob) -> dict[int, ImageVerdict]:
    session.expire_all()
    rows = session.scalars(
        select(ImageVerdict).where(ImageVerdict.validation_job_id == validation_job.id)
    )
    return {row.image_id: row for row in rows}

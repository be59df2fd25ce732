"""
The pipeline's state machine with failures of each class, in two interpreters.

A step's names of errors: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
and https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportJob, JobStatus, Project, ValidationJob
from crawlset.wire import pipeline
from crawlset.wire.pipeline import Execution
from crawlset.wire.validators import Batch
from functions.export import app as export
from functions.validate import app as validate
from tests import factories
from tests.integration.exports.steps import TRAIN, storing
from tests.integration.interpreters import (
    ASKED,
    INTERPRETERS,
    Ended,
    Failure,
    Functions,
    arn_of,
)
from tests.integration.validation.measurers import saying
from tests.invocations import CONTEXT

HASHES = [0x0F0F_1234_5678_9ABC, 0x70F0_EDCB_A987_6543, 0x3FC0_0000_FFFF_0000]
N_IMAGES = len(HASHES)
MEASURER = f"judged@1={arn_of('measure')}"
RULES = [
    {"check": "custom", "params": {"validator": "judge"}},
    {"check": "measure", "params": {"measurer": "judged", "measure": "score", "below": 0.5}},
    {"check": "near_duplicates"},
]
STEPS = {
    "evaluate": 1,
    "judge": 1,
    "measure": 1,
    "keep": 1,
    "decide": 1,
    "deduplicate": 1,
    "compare": 1,
    "put_out_copies": 1,
    "finish": 2,
    "plan": 1,
    "write_shard": N_IMAGES,
    "verify_shard": N_IMAGES,
    "verify": 1,
    ASKED: 2,
}
"""How often each is asked if nothing fails; both jobs have a step that is called `finish`."""
PASSING = {
    "Lambda.TooManyRequestsException": [2, 4, 8, 16, 32, 60],
    "Lambda.ServiceException": [2, 4, 8, 16, 32, 60],
    "DatabaseAwayError": [2, 4, 8, 16, 32, 60, 60],
    "States.Timeout": [5, 10],
    "Sandbox.Timedout": [5, 10],
    "ClientError": [5, 10, 20, 40],
}
"""Seconds before each further try, cut to `LONGEST_WAIT`; after the last the step succeeds."""
ALONE = ("evaluate", "judge", "compare", "plan", "verify")
"""Steps of the execution and of its children that are asked once."""
FINAL = {
    "evaluate": "TooManyImagesError",
    "judge": "UnprocessableError",
    "plan": "TooManyShardsError",
    "write_shard": "PackDamagedError",
    "verify_shard": "ExportDamagedError",
}
Jobs = tuple[ValidationJob, ExportJob]
Run = Callable[[], Ended]

pytestmark = [pytest.mark.usefixtures("bucket"), pytest.mark.role("crawlset_worker")]


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def jobs(session: Session, job: CrawlJob) -> Jobs:
    """A validation by a rule of each kind, and an export of a file for each image."""
    for hash_ in HASHES:
        storing(session, job)(1, phashes=[hash_] * 4)
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": RULES}
    )
    export_job = factories.create_export_job(
        session,
        job,
        validation_job_id=validation_job.id,
        export_options=TRAIN | {"shard_images": 1},
    )
    return validation_job, export_job


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    monkeypatch.setenv("VALIDATOR_ARNS", arn_of("judge"))
    monkeypatch.setenv("MEASURER_ARNS", MEASURER)
    monkeypatch.setattr(pipeline, "IN_A_GROUP", 2)
    caches = (settings.validator_settings, settings.measurer_settings)
    for cache in caches:
        cache.cache_clear()
    yield Functions(
        {
            arn_of("ValidateFunction"): lambda event: validate.handler(event, CONTEXT),
            arn_of("ExportFunction"): lambda event: export.handler(event, CONTEXT),
            arn_of("judge"): nothing_is_broken,
            arn_of("measure"): saying(lambda _: {"measures": {"score": 1}}),
        }
    )
    for cache in caches:
        cache.cache_clear()


def nothing_is_broken(event: dict[str, Any]) -> dict[str, Any]:
    batch = Batch.from_json(objects.get(event["key"]))
    return {"images": [{"image_id": image.image_id} for image in batch.images]}


@pytest.fixture(params=sorted(INTERPRETERS))
def run(
    request: pytest.FixtureRequest,
    functions: Functions,
    session: Session,
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run the machine to its end; the jobs are as it left them."""
    interpreter = INTERPRETERS[request.param](functions, monkeypatch)

    def run() -> Ended:
        validation_job, export_job = jobs
        execution = Execution(
            export_job.user_id, export_job.crawl_job_id, validation_job.id, export_job.id
        )
        ended = interpreter.run(execution)
        for each in jobs:
            session.refresh(each)
        return ended

    return run


def statuses(jobs: Jobs) -> list[JobStatus]:
    return [job.status for job in jobs]


class TestInterpretedPipeline:
    def test_goes_through_groups_to_its_end(
        self, run: Run, functions: Functions, jobs: Jobs
    ) -> None:
        assert run() == Ended("SUCCEEDED", None)

        assert statuses(jobs) == [JobStatus.completed] * 2
        assert (jobs[0].n_kept, jobs[1].n_images) == (N_IMAGES, N_IMAGES)
        assert functions.asked == STEPS
        assert functions.waits == []

    @pytest.mark.parametrize("error", sorted(PASSING))
    def test_tries_again_what_passes(
        self, run: Run, functions: Functions, jobs: Jobs, error: str
    ) -> None:
        for step in ALONE:
            functions.failures[step] = [Failure(error)] * len(PASSING[error])

        assert run() == Ended("SUCCEEDED", None)

        assert statuses(jobs) == [JobStatus.completed] * 2
        assert functions.waits == PASSING[error] * len(ALONE)

    @pytest.mark.parametrize("step", ALONE)
    def test_ends_when_what_should_pass_does_not(
        self, run: Run, functions: Functions, jobs: Jobs, step: str
    ) -> None:
        n_tries = 1 + len(PASSING["ClientError"])
        functions.failures[step] = [Failure("ClientError")] * n_tries

        assert run() == Ended("FAILED", "PipelineFailed")

        assert functions.asked[step] == n_tries
        assert functions.waits == PASSING["ClientError"]
        is_of_export = step in {"plan", "verify"}
        assert jobs[is_of_export].error_message == "A step ended with ClientError."
        assert jobs[1].status is JobStatus.failed

    @pytest.mark.parametrize("step", sorted(FINAL))
    def test_ends_at_once_with_the_reason_when_an_error_is_final(
        self, run: Run, functions: Functions, jobs: Jobs, step: str
    ) -> None:
        functions.failures[step] = [Failure(FINAL[step], "It is so.")]

        assert run() == Ended("FAILED", "PipelineFailed")

        assert functions.waits == []
        assert functions.asked[step] <= STEPS[step]
        is_of_export = step not in {"evaluate", "judge"}
        assert jobs[is_of_export].error_message == "It is so."
        assert jobs[1].status is JobStatus.failed
        assert list(objects.list_keys(f"exports/{jobs[1].id}/")) == []

    @pytest.mark.parametrize(("step", "number"), [("judge", 0), ("plan", 1), ("write_shard", 1)])
    def test_that_its_owner_stops_has_not_failed(
        self, run: Run, functions: Functions, session: Session, jobs: Jobs, step: str, number: int
    ) -> None:
        def cancel() -> None:
            jobs[number].status = JobStatus.cancelled
            session.commit()

        functions.before[step] = cancel

        assert run() == Ended("SUCCEEDED", None)

        assert functions.waits == []
        assert jobs[1].status is JobStatus.cancelled
        assert list(objects.list_keys(f"exports/{jobs[1].id}/")) == []

    def test_asks_functions_that_are_not_ours_twice_and_goes_on(
        self, run: Run, functions: Functions, jobs: Jobs
    ) -> None:
        functions.failures[ASKED] = [Failure("KeyError"), Failure("States.Timeout")]

        assert run() == Ended("SUCCEEDED", None)

        assert statuses(jobs) == [JobStatus.completed] * 2
        assert (jobs[0].n_errors, jobs[1].n_images) == (N_IMAGES, 0)
        assert functions.waits == [5]

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset import pipeline
from crawlset.models import (
    CrawlJob,
    ImageVerdict,
    JobChunk,
    JobStatus,
    OutboxMessage,
    Profile,
    Project,
    ValidationJob,
    Verdict,
)
from crawlset.outcomes import ImageStatus, Outcome
from functions.validate import app
from tests import factories
from tests.integration.api import CONTEXT, Api

pytestmark = [pytest.mark.usefixtures("aws")]


@pytest.fixture
def profile(session: Session) -> Profile:
    return factories.create_profile(session)


@pytest.fixture
def job(session: Session, profile: Profile) -> CrawlJob:
    project = factories.create_project(session, profile)
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_chunk(session, job)


@pytest.fixture
def api(profile: Profile) -> Api:
    return Api(profile.id)


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/validation-jobs"


def step(validation_job: ValidationJob, name: str, **more: Any) -> None:
    event = {
        "v": 1,
        "step": name,
        "user_id": str(validation_job.user_id),
        "job_id": str(validation_job.crawl_job_id),
        "validation_job_id": str(validation_job.id),
        "export_job_id": None,
    }
    app.handler(event | more, CONTEXT)


def validate(validation_job: ValidationJob) -> None:
    for name in ("prepare", "evaluate", "deduplicate", "finish"):
        step(validation_job, name)


def verdicts(session: Session, validation_job: ValidationJob) -> dict[int, ImageVerdict]:
    session.expire_all()
    rows = session.scalars(
        select(ImageVerdict).where(ImageVerdict.validation_job_id == validation_job.id)
    )
    return {row.image_id: row for row in rows}


class TestCreateValidationJob:
    def test_waits_with_one_execution_in_the_outbox(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        status, body = api.call("POST", path, {"validation_rules": {"min_width": 128}})

        assert (status, body["status"]) == (201, "pending")
        assert (
            body["validation_rules"] | {"min_width": 128, "min_height": 64}
            == body["validation_rules"]
        )
        assert (body["counts"], body["by_rule"]) == ({"kept": 0, "rejected": 0}, {})
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"val-{body['id']}"
        assert message.body == {
            "v": 1,
            "user_id": str(job.user_id),
            "job_id": str(job.id),
            "validation_job_id": body["id"],
            "export_job_id": None,
        }

    def test_takes_the_default_rules(self, api: Api, path: str) -> None:
        status, body = api.call("POST", path, {})

        assert (status, body["validation_rules"]["max_aspect_ratio"]) == (201, 5.0)

    @pytest.mark.parametrize(
        ("rules", "pointer"),
        [
            ({"min_width": 0}, "/validation_rules/min_width"),
            ({"min_width": 90, "max_width": 80}, "/validation_rules"),
            ({"sharpness": 1}, "/validation_rules/sharpness"),
        ],
    )
    def test_answers_422_and_leaves_no_row(
        self, api: Api, path: str, session: Session, rules: Any, pointer: str
    ) -> None:
        status, body = api.call("POST", path, {"validation_rules": rules})

        assert (status, [e["pointer"] for e in body["errors"]]) == (422, [pointer])
        assert session.scalar(select(func.count()).select_from(ValidationJob)) == 0

    @pytest.mark.parametrize("state", [s for s in JobStatus if s is not JobStatus.completed])
    def test_answers_409_unless_the_crawl_is_completed(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        job.status = state
        session.commit()

        status, body = api.call("POST", path, {})

        assert (status, body["code"]) == (409, "CrawlJobNotCompletedError")

    def test_answers_404_for_another_users_job(self, path: str, session: Session) -> None:
        stranger = factories.create_profile(session)

        status, body = Api(stranger.id).call("POST", path, {})

        assert (status, body["code"]) == (404, "NotFoundError")


class TestReadValidationJobs:
    def test_lists_newest_first_in_pages(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        ids = [str(factories.create_validation_job(session, job).id) for _ in range(3)]

        _, first = api.call("GET", path, query={"limit": "2"})
        _, second = api.call("GET", path, query={"cursor": first["next_cursor"]})

        assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
        assert second["next_cursor"] is None

    def test_answers_404_for_a_job_of_another_crawl(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        project = session.get_one(Project, job.project_id)
        other = factories.create_crawl_job(session, project, status=JobStatus.completed)
        validation_job = factories.create_validation_job(session, other)

        answers = [api.call("GET", f"{path}/{id_}") for id_ in (validation_job.id, uuid4())]

        assert [(status, body["code"]) for status, body in answers] == [(404, "NotFoundError")] * 2


class TestCancelValidationJob:
    @pytest.mark.parametrize("state", [JobStatus.pending, JobStatus.running])
    def test_ends_it_at_once(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        status, body = api.call("POST", f"{path}/{validation_job.id}/cancel")

        assert (status, body["status"]) == (200, "cancelled")
        assert body["finished_at"] is not None

    @pytest.mark.parametrize("state", [JobStatus.completed, JobStatus.failed, JobStatus.cancelled])
    def test_answers_409_when_it_has_ended(
        self, api: Api, path: str, job: CrawlJob, session: Session, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        status, body = api.call("POST", f"{path}/{validation_job.id}/cancel")

        assert (status, body["code"]) == (409, "JobFinishedError")


@pytest.mark.role("crawlset_worker")
class TestValidate:
    @pytest.mark.parametrize(
        ("image", "rules", "expected"),
        [
            ({}, {}, (None, None, None)),
            ({"format": "gif"}, {"formats": ["jpeg"]}, ("format", None, None)),
            ({"width": 63}, {}, ("min_width", 63, 64)),
            ({"width": 64, "height": 64}, {}, (None, None, None)),
            ({"height": 99}, {"min_height": 100}, ("min_height", 99, 100)),
            ({"width": 801}, {"max_width": 800}, ("max_width", 801, 800)),
            ({"height": 481}, {"max_height": 480}, ("max_height", 481, 480)),
            ({"width": 501, "height": 100}, {}, ("max_aspect_ratio", 5.01, 5)),
            ({"width": 100, "height": 501}, {}, ("max_aspect_ratio", 5.01, 5)),
            ({"width": 500, "height": 100}, {}, (None, None, None)),
            ({"width": 900, "height": 64}, {"max_aspect_ratio": None}, (None, None, None)),
            ({"file_size": 99}, {"min_file_size": 100}, ("min_file_size", 99, 100)),
            ({"file_size": 3 << 30}, {"max_file_size": 100}, ("max_file_size", 3 << 30, 100)),
            ({"n_frames": 2}, {"allow_animated": False}, ("animated", 2, 1)),
            ({"n_frames": 2}, {}, (None, None, None)),
            ({"n_frames": None}, {"allow_animated": False}, (None, None, None)),
            ({"width": 1, "height": 1, "format": "png"}, {}, ("min_width", 1, 64)),
        ],
    )
    def test_gives_the_first_broken_rule_with_its_measure(
        self,
        session: Session,
        chunk: JobChunk,
        *,
        image: dict[str, Any],
        rules: dict[str, Any],
        expected: tuple[str | None, float | None, float | None],
    ) -> None:
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        id_ = factories.create_image(session, chunk, **image).id
        validation_job = factories.create_validation_job(session, job, validation_rules=rules)

        validate(validation_job)

        verdict = verdicts(session, validation_job)[id_]
        assert (verdict.rule, verdict.measured, verdict.threshold) == expected
        assert verdict.verdict is (Verdict.reject if expected[0] else Verdict.keep)

    def test_completes_with_counts_of_stored_images_only(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        for width in (10, 20, 640):
            factories.create_image(session, chunk, width=width)
        factories.create_image(session, chunk, height=1)
        factories.create_image(session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404)
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        session.refresh(validation_job)
        assert validation_job.status is JobStatus.completed
        assert (validation_job.n_kept, validation_job.n_rejected) == (1, 3)
        assert validation_job.by_rule == {"min_width": 2, "min_height": 1}
        assert validation_job.started_at is not None
        assert validation_job.finished_at is not None

    def test_completes_without_images(self, session: Session, job: CrawlJob) -> None:
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.n_kept) == (JobStatus.completed, 0)

    def test_judges_every_image_across_statements(
        self,
        session: Session,
        job: CrawlJob,
        chunk: JobChunk,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("crawlset.validation.steps.IMAGES_PER_STATEMENT", 2)
        ids = {factories.create_image(session, chunk).id for _ in range(5)}
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        assert set(verdicts(session, validation_job)) == ids

    def test_says_the_same_when_every_step_runs_twice(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        for width in (10, 640):
            factories.create_image(session, chunk, width=width)
        validation_job = factories.create_validation_job(session, job)

        for name in ("prepare", "evaluate", "deduplicate", "finish"):
            step(validation_job, name)
            step(validation_job, name)

        session.refresh(validation_job)
        assert (validation_job.n_kept, validation_job.n_rejected) == (1, 1)

    def test_keeps_the_largest_then_the_earliest_of_the_same_bytes(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        small, large, later = (
            factories.create_image(session, chunk, sha256=bytes(32), width=width).id
            for width in (100, 200, 200)
        )
        other = factories.create_image(session, chunk, width=100).id
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        seen = verdicts(session, validation_job)
        assert {id_: verdict.duplicate_of for id_, verdict in seen.items()} == {
            small: large,
            large: None,
            later: large,
            other: None,
        }
        assert seen[later].rule == "exact_duplicate"
        session.refresh(validation_job)
        assert validation_job.by_rule == {"exact_duplicate": 2}

    def test_prefers_an_image_that_breaks_no_rule_as_keeper(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        too_wide, fit = (
            factories.create_image(session, chunk, sha256=bytes(32), width=width).id
            for width in (5000, 200)
        )
        validation_job = factories.create_validation_job(session, job)

        validate(validation_job)

        seen = verdicts(session, validation_job)
        assert (seen[too_wide].rule, seen[fit].verdict) == ("max_aspect_ratio", Verdict.keep)

    def test_keeps_the_same_bytes_when_told_to(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        session.execute(text("DROP INDEX uq_images_stored_sha256"))
        for _ in range(2):
            factories.create_image(session, chunk, sha256=bytes(32))
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"exact_duplicates": False}
        )

        validate(validation_job)

        session.refresh(validation_job)
        assert validation_job.n_kept == 2

    @pytest.mark.parametrize("name", ["prepare", "evaluate", "deduplicate", "finish"])
    def test_breaks_off_when_cancelled(
        self, session: Session, job: CrawlJob, chunk: JobChunk, name: str
    ) -> None:
        factories.create_image(session, chunk)
        validation_job = factories.create_validation_job(session, job, status=JobStatus.cancelled)

        with pytest.raises(Exception) as raised:
            step(validation_job, name)

        assert type(raised.value).__name__ == "JobCancelledError"
        assert verdicts(session, validation_job) == {}

    def test_breaks_off_when_deleted(self, session: Session, job: CrawlJob) -> None:
        validation_job = factories.create_validation_job(session, job)
        session.delete(session.merge(job))
        session.commit()

        with pytest.raises(Exception) as raised:
            step(validation_job, "prepare")

        assert type(raised.value).__name__ == "NotFoundError"

    def test_sees_nothing_of_another_user(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        validation_job = factories.create_validation_job(session, job)
        stranger = factories.create_profile(session)

        with pytest.raises(Exception) as raised:
            step(validation_job, "prepare", user_id=str(stranger.id))

        assert type(raised.value).__name__ == "NotFoundError"


@pytest.mark.role("crawlset_worker")
class TestFailValidation:
    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (
                {
                    "Error": "JobCancelledError",
                    "Cause": '{"errorMessage": "It was cancelled.", "errorType": "x"}',
                },
                "It was cancelled.",
            ),
            (
                {"Error": "OperationalError", "Cause": '{"errorMessage": "host=10.0.0.1"}'},
                "A step ended with OperationalError.",
            ),
            ({"Error": "States.Timeout", "Cause": ""}, "A step ended with States.Timeout."),
            ({"Error": "NotFoundError", "Cause": "rubbish"}, "A step ended with NotFoundError."),
        ],
    )
    def test_says_why_without_giving_away_our_inside(
        self, session: Session, job: CrawlJob, error: dict[str, str], message: str
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=JobStatus.running)

        step(validation_job, "fail", error=error)

        session.refresh(validation_job)
        assert validation_job.status is JobStatus.failed
        assert validation_job.error_message == message

    @pytest.mark.parametrize("state", [JobStatus.completed, JobStatus.cancelled])
    def test_leaves_a_job_that_has_ended(
        self, session: Session, job: CrawlJob, state: JobStatus
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=state)

        step(validation_job, "fail", error={"Error": "States.Timeout"})

        session.refresh(validation_job)
        assert (validation_job.status, validation_job.error_message) == (state, None)


class TestListVerdicts:
    @pytest.fixture
    def validated(self, session: Session, job: CrawlJob, chunk: JobChunk) -> ValidationJob:
        for width in (10, 640, 20):
            factories.create_image(session, chunk, width=width)
        validation_job = factories.create_validation_job(session, job)
        validate(validation_job)
        return validation_job

    def test_pages_through_them_all(self, api: Api, path: str, validated: ValidationJob) -> None:
        _, first = api.call("GET", f"{path}/{validated.id}/verdicts", query={"limit": "2"})
        _, second = api.call(
            "GET", f"{path}/{validated.id}/verdicts", query={"cursor": first["next_cursor"]}
        )

        seen = [(item["measured"], item["verdict"]) for item in first["items"] + second["items"]]
        assert seen == [(10, "reject"), (None, "keep"), (20, "reject")]

    def test_filters_by_verdict_and_rule(
        self, api: Api, path: str, validated: ValidationJob
    ) -> None:
        _, kept = api.call("GET", f"{path}/{validated.id}/verdicts", query={"verdict": "keep"})
        _, narrow = api.call("GET", f"{path}/{validated.id}/verdicts", query={"rule": "min_width"})

        assert [len(body["items"]) for body in (kept, narrow)] == [1, 2]
        assert kept["items"][0]["url"].startswith("https://images.example.org/")


class TestPipeline:
    def test_chains_validation_and_export_in_one_execution(
        self, session: Session, job: CrawlJob
    ) -> None:
        job.validation_rules, job.export_request = {"min_width": 10}, {"format": "imagefolder"}
        session.commit()

        pipeline.start(session, job)

        validations, exports = pipeline.newest_jobs_of(session, job)
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"job-{validations[0].id}"
        assert message.body["validation_job_id"] == str(validations[0].id)
        assert message.body["export_job_id"] == str(exports[0].id)
        assert exports[0].validation_job_id == validations[0].id
        assert validations[0].validation_rules.min_width == 10

    def test_starts_nothing_that_was_not_asked_for(self, session: Session, job: CrawlJob) -> None:
        pipeline.start(session, job)

        assert pipeline.newest_jobs_of(session, job) == ([], [])
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0

    def test_exports_everything_without_rules(self, session: Session, job: CrawlJob) -> None:
        job.export_request = {}
        session.commit()

        pipeline.start(session, job)

        (export,) = pipeline.newest_jobs_of(session, job)[1]
        (message,) = session.scalars(select(OutboxMessage))
        assert message.deduplication_id == f"exp-{export.id}"
        assert (message.body["validation_job_id"], export.validation_job_id) == (None, None)

    def test_fails_what_an_execution_left_unfinished(self, session: Session, job: CrawlJob) -> None:
        running = factories.create_validation_job(session, job, status=JobStatus.running)

        pipeline.fail(
            session, validation_job_id=running.id, export_job_id=None, reason="It was stopped."
        )

        session.refresh(running)
        assert (running.status, running.error_message) == (JobStatus.failed, "It was stopped.")


@pytest.mark.role("crawlset_tick")
class TestSweepPipeline:
    def age(self, session: Session, id_: UUID, **ages: str) -> None:
        for column, age in ages.items():
            session.execute(
                text(
                    f"UPDATE validation_jobs SET {column} = now() - CAST(:age AS interval)"
                    " WHERE id = :id"
                ),
                {"age": age, "id": id_},
            )
        session.commit()

    def executions(self, session: Session) -> list[str | None]:
        return list(session.scalars(select(OutboxMessage.deduplication_id)))

    def test_starts_again_what_stood_still(self, session: Session, job: CrawlJob) -> None:
        stalled = factories.create_validation_job(session, job, status=JobStatus.running)
        factories.create_validation_job(session, job, status=JobStatus.running)
        self.age(session, stalled.id, updated_at="2 hours")

        n_swept = pipeline.sweep()

        (name,) = self.executions(session)
        assert n_swept == 1
        assert name is not None
        assert name.startswith(f"val-{stalled.id}-")
        assert pipeline.sweep() == 0

    def test_gives_up_after_a_day(self, session: Session, job: CrawlJob) -> None:
        stalled = factories.create_validation_job(session, job, status=JobStatus.running)
        self.age(session, stalled.id, updated_at="2 hours", created_at="25 hours")

        pipeline.sweep()

        session.refresh(stalled)
        assert (stalled.status, self.executions(session)) == (JobStatus.failed, [])
        assert stalled.error_message == "The work stopped and could not be started again."

    def test_starts_everything_again_when_executions_were_lost(
        self, session: Session, job: CrawlJob
    ) -> None:
        job.validation_rules, job.export_request = {}, {}
        session.commit()
        pipeline.start(session, job)
        session.execute(text("DELETE FROM outbox_messages"))
        session.execute(text("UPDATE validation_jobs SET updated_at = now() - interval '1 second'"))
        session.execute(text("UPDATE export_jobs SET updated_at = now() - interval '1 second'"))
        session.commit()

        pipeline.sweep(everything=True)

        (message,) = session.scalars(select(OutboxMessage))
        validations, exports = pipeline.newest_jobs_of(session, job)
        assert message.body["validation_job_id"] == str(validations[0].id)
        assert message.body["export_job_id"] == str(exports[0].id)

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobChunk, JobStatus, Project, ValidationJob
from crawlset.wire.pipeline import Execution
from tests import factories
from tests.integration.api import Api
from tests.integration.executions import executions
from tests.integration.validation.rules import BLACK, NARROW, WIDE
from tests.integration.validation.steps import validate

pytestmark = pytest.mark.usefixtures("bucket")


class TestCreateValidationJob:
    def test_waits_with_one_execution_that_is_asked_for(
        self, api: Api, path: str, job: CrawlJob, session: Session
    ) -> None:
        status, body = api.call("POST", path, {"validation_rules": {"rules": [WIDE]}})

        assert (status, body["status"]) == (201, "pending")
        (rule,) = body["validation_rules"]["rules"]
        assert (rule["check"], rule["severity"], rule["scope"]) == ("width", "reject", "image")
        assert body["counts"] == {"kept": 0, "quarantined": 0, "rejected": 0, "errors": 0}
        assert body["by_rule"] == {}
        asked_for = Execution(job.user_id, job.id, UUID(body["id"]), None)
        assert executions() == {f"val-{body['id']}": asked_for}

    def test_takes_the_default_rules(self, api: Api, path: str) -> None:
        status, body = api.call("POST", path, {})

        assert (status, body["validation_rules"]) == (
            201,
            {"preset": "basic", "rules": [], "measurers": []},
        )

    @pytest.mark.parametrize(
        ("rules", "pointer"),
        [
            ({"preset": "harsh"}, "/validation_rules/preset"),
            ({"rules": [{"check": "beauty"}]}, "/validation_rules/rules/0"),
            ({"rules": [NARROW]}, "/validation_rules/rules/0/width/params"),
            ({"rules": [BLACK]}, "/validation_rules/rules/0/dark/params/below"),
            ({"rules": [WIDE, WIDE]}, "/validation_rules"),
            ({"sharpness": 1}, "/validation_rules/sharpness"),
        ],
    )
    def test_answers_422_and_leaves_no_row(
        self, api: Api, path: str, session: Session, rules: Any, pointer: str
    ) -> None:
        status, body = api.call("POST", path, {"validation_rules": rules})

        assert (status, [e["pointer"] for e in body["errors"]]) == (422, [pointer])
        assert session.scalar(select(func.count()).select_from(ValidationJob)) == 0

    @pytest.mark.parametrize("state", [JobStatus.pending, JobStatus.running, JobStatus.failed])
    def test_answers_409_unless_the_crawl_is_completed_or_cancelled(
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
        _, narrow = api.call("GET", f"{path}/{validated.id}/verdicts", query={"rule": "short_side"})

        assert [len(body["items"]) for body in (kept, narrow)] == [1, 2]
        assert kept["items"][0]["url"].startswith("https://images.example.org/")


class TestReport:
    def validated(self, session: Session, chunk: JobChunk) -> ValidationJob:
        scores = {"brightness_p99": 0.91, "entropy": 7.5, "blur": 1.0, "channels": 3.0}
        one, other = 0x0F0F_1234_5678_9ABC, 0x7333_3333_0000_FFFF
        views = [[hash_] * 4 for hash_ in (one, one ^ 1, other)]
        for place, (width, keyword) in enumerate([(640, "cat"), (640, "cat"), (640, None)]):
            factories.create_image(
                session, chunk, width=width, keyword=keyword, scores=scores, phashes=views[place]
            )
        factories.create_image(session, chunk, width=5, keyword="dog")
        job = session.get_one(CrawlJob, chunk.crawl_job_id)
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"preset": "standard"}
        )
        validate(validation_job)
        return validation_job

    def test_adds_up_what_was_found(
        self, session: Session, api: Api, path: str, chunk: JobChunk
    ) -> None:
        validation_job = self.validated(session, chunk)

        status, body = api.call("GET", f"{path}/{validation_job.id}/report")

        assert status == 200
        assert body["counts"] == {"kept": 2, "quarantined": 0, "rejected": 2, "errors": 0}
        assert body["by_rule"]["near_duplicates"] == 1
        width = body["histograms"]["width"]
        assert (sum(width["counts"]), len(width["edges"])) == (4, 21)
        bright = body["histograms"]["brightness_p99"]
        assert (bright["counts"][18], sum(bright["counts"])) == (3, 3)
        assert body["classes"][0] == {
            "keyword": "cat",
            "keep": 1,
            "quarantine": 0,
            "reject": 1,
            "error": 0,
        }
        (cluster,) = body["clusters"]
        assert (cluster["n_images"], cluster["image_ids"][0]) == (2, cluster["keeper"])
        rules = {example["rule"] for example in body["examples"]}
        assert {"short_side", "near_duplicates"} <= rules
        assert [rule["name"] for rule in body["rules"]][:2] == ["format", "short_side"]

    def test_has_the_clusters_page_by_page(
        self, session: Session, api: Api, path: str, chunk: JobChunk
    ) -> None:
        near = 0x2BD1_33E0_0F0F_7777
        for hash_ in (near, near ^ 1, near ^ 3):
            factories.create_image(session, chunk, width=hash_ % 7 + 100, phashes=[hash_] * 4)
        validation_job = self.validated(session, chunk)

        _, first = api.call("GET", f"{path}/{validation_job.id}/clusters", query={"limit": "1"})
        _, second = api.call(
            "GET", f"{path}/{validation_job.id}/clusters", query={"cursor": first["next_cursor"]}
        )

        clusters = first["items"] + second["items"]
        assert [cluster["n_images"] for cluster in clusters] == [3, 2]
        assert second["next_cursor"] is None
        for cluster in clusters:
            assert cluster["image_ids"][0] == cluster["keeper"]
            assert sorted(cluster["image_ids"][1:]) == cluster["image_ids"][1:]

    def test_answers_409_before_the_end(
        self, session: Session, api: Api, path: str, job: CrawlJob
    ) -> None:
        validation_job = factories.create_validation_job(session, job)

        status, body = api.call("GET", f"{path}/{validation_job.id}/report")

        assert (status, body["code"]) == (409, "ReportNotReadyError")

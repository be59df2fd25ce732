"""Rules that cannot be followed are refused alike, wherever a request may bring them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobStatus, JobTemplate, Project, ValidationJob
from crawlset.pipeline import service as pipeline
from crawlset.schedules import firing
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.validation.steps import validate

pytestmark = pytest.mark.usefixtures("bucket", "sample_source")

HASH = b"0" * 64


@dataclass(frozen=True)
class Caller:
    session: Session
    project: Project

    @property
    def api(self) -> Api:
        return Api(self.project.user_id)

    @property
    def path(self) -> str:
        return f"/api/projects/{self.project.id}"

    def rules(self, **params: Any) -> dict[str, Any]:
        return {"rules": [{"check": "leakage", "params": params}]}

    def list_of_hashes(self) -> str:
        upload_id = uuid4()
        objects.put(self.key_of(upload_id), HASH)
        return str(upload_id)

    def key_of(self, upload_id: UUID) -> str:
        return keys.upload(self.project.user_id, upload_id)

    def template(self, rules: Any) -> JobTemplate:
        configuration = crawl(validation_rules=rules)
        return factories.create_template(self.session, self.project, configuration=configuration)


@pytest.fixture
def caller(session: Session, project: Project) -> Caller:
    return Caller(session, project)


@pytest.fixture
def stranger(session: Session) -> Project:
    return factories.create_project(session, factories.create_profile(session))


def crawl(**more: Any) -> dict[str, Any]:
    return {"name": "cats", "keywords": ["cat"], "sources": ["sample"], "max_images": 9} | more


class Doors:
    """Each request that brings rules; a door gives the status and the body of its answer."""

    @staticmethod
    def crawl_job(caller: Caller, rules: Any) -> tuple[int, Any]:
        return caller.api.call("POST", f"{caller.path}/crawl-jobs", crawl(validation_rules=rules))

    @staticmethod
    def estimate(caller: Caller, rules: Any) -> tuple[int, Any]:
        path = f"{caller.path}/crawl-jobs/estimate"
        return caller.api.call("POST", path, crawl(validation_rules=rules))

    @staticmethod
    def template(caller: Caller, rules: Any) -> tuple[int, Any]:
        body = {"name": str(uuid4()), "configuration": crawl(validation_rules=rules)}
        return caller.api.call("POST", f"{caller.path}/job-templates", body)

    @staticmethod
    def template_of_a_job(caller: Caller, rules: Any) -> tuple[int, Any]:
        policy = {"licences": [], "intended_use": "research"}
        job = factories.create_crawl_job(
            caller.session, caller.project, sources=["sample"], policy=policy
        )
        job.validation_rules = rules
        caller.session.commit()
        body = {"name": str(uuid4()), "crawl_job_id": str(job.id)}
        return caller.api.call("POST", f"{caller.path}/job-templates", body)

    @staticmethod
    def changed_template(caller: Caller, rules: Any) -> tuple[int, Any]:
        template = caller.template(None)
        path = f"{caller.path}/job-templates/{template.id}"
        return caller.api.call("PATCH", path, {"configuration": crawl(validation_rules=rules)})

    @staticmethod
    def started_template(caller: Caller, rules: Any) -> tuple[int, Any]:
        path = f"{caller.path}/job-templates/{caller.template(rules).id}/start"
        return caller.api.call("POST", path, {})

    @staticmethod
    def validation_job(caller: Caller, rules: Any) -> tuple[int, Any]:
        return Doors._after_a_crawl(caller, "validation-jobs", rules)

    @staticmethod
    def pipeline(caller: Caller, rules: Any) -> tuple[int, Any]:
        return Doors._after_a_crawl(caller, "pipeline", rules)

    @staticmethod
    def _after_a_crawl(caller: Caller, route: str, rules: Any) -> tuple[int, Any]:
        job = factories.create_crawl_job(caller.session, caller.project, status=JobStatus.completed)
        path = f"{caller.path}/crawl-jobs/{job.id}/{route}"
        return caller.api.call("POST", path, {"validation_rules": rules})


TEMPLATES = [Doors.template, Doors.template_of_a_job, Doors.changed_template]
EVERY_DOOR = [
    *TEMPLATES,
    Doors.crawl_job,
    Doors.estimate,
    Doors.started_template,
    Doors.validation_job,
    Doors.pipeline,
]


@pytest.mark.parametrize("door", EVERY_DOOR)
class TestEveryDoor:
    def test_takes_sets_that_are_there(self, caller: Caller, door: Any, session: Session) -> None:
        other = factories.create_crawl_job(session, caller.project)
        rules = caller.rules(crawl_job_id=str(other.id))

        listed = caller.rules(upload_id=caller.list_of_hashes())

        assert {door(caller, given)[0] for given in (rules, listed)} <= {200, 201}

    def test_answers_422_for_a_list_of_hashes_that_is_not_there(
        self, caller: Caller, door: Any
    ) -> None:
        absent = uuid4()

        status, body = door(caller, caller.rules(upload_id=str(absent)))

        detail = f"The list of hashes: {absent} has not been uploaded."
        assert (status, body["detail"]) == (422, detail)
        at_configuration = "/configuration" if door in TEMPLATES else ""
        assert body["errors"][0]["pointer"] == f"{at_configuration}/validation_rules"

    def test_answers_422_for_another_user_s_list(
        self, session: Session, caller: Caller, stranger: Project, door: Any
    ) -> None:
        upload_id = Caller(session, stranger).list_of_hashes()

        status, _ = door(caller, caller.rules(upload_id=upload_id))

        assert status == 422

    @pytest.mark.parametrize("name", ["crawl_job_id", "export_job_id"])
    def test_answers_404_for_another_user_s_set(
        self, session: Session, caller: Caller, stranger: Project, door: Any, name: str
    ) -> None:
        theirs = factories.create_crawl_job(session, stranger)
        export = factories.create_export_job(session, theirs)
        ids = {"crawl_job_id": theirs.id, "export_job_id": export.id}

        status, body = door(caller, caller.rules(**{name: str(ids[name])}))

        assert (status, body["code"]) == (404, "NotFoundError")
        assert str(ids[name]) in body["detail"]

    def test_answers_422_for_a_validator_that_is_not_allowed(
        self, caller: Caller, door: Any
    ) -> None:
        rule = {"check": "custom", "params": {"validator": "stranger"}}

        status, body = door(caller, {"rules": [rule]})

        assert status == 422
        assert body["detail"].startswith("There is no validator 'stranger' here; allowed: ")


def test_a_refused_crawl_job_leaves_no_row(caller: Caller, session: Session) -> None:
    Doors.crawl_job(caller, caller.rules(upload_id=str(uuid4())))
    Doors.crawl_job(caller, caller.rules(crawl_job_id=str(uuid4())))

    for model in (CrawlJob, ValidationJob):
        assert session.scalar(select(func.count()).select_from(model)) == 0


@pytest.mark.role("crawlset_tick")
class TestSchedule:
    def fire(self, caller: Caller, rules: Any) -> list[CrawlJob]:
        schedule = factories.create_schedule(caller.session, caller.template(rules))

        firing.fire_due()

        caller.session.refresh(schedule)
        assert schedule.next_run_at > datetime.now(UTC)
        jobs = select(CrawlJob).where(CrawlJob.schedule_id == schedule.id)
        return list(caller.session.scalars(jobs))

    def test_starts_a_crawl_by_sets_that_are_there(self, caller: Caller, session: Session) -> None:
        other = factories.create_crawl_job(session, caller.project)
        listed = caller.rules(upload_id=caller.list_of_hashes())

        assert self.fire(caller, listed)[0].validation_rules == listed
        assert len(self.fire(caller, caller.rules(crawl_job_id=str(other.id)))) == 1

    def test_starts_none_when_a_list_is_gone(self, caller: Caller) -> None:
        assert self.fire(caller, caller.rules(upload_id=str(uuid4()))) == []

    @pytest.mark.parametrize("name", ["crawl_job_id", "export_job_id"])
    def test_starts_none_by_another_user_s_set(
        self, session: Session, caller: Caller, stranger: Project, name: str
    ) -> None:
        """The tick sees every row."""
        theirs = factories.create_crawl_job(session, stranger)
        export = factories.create_export_job(session, theirs)
        ids = {"crawl_job_id": theirs.id, "export_job_id": export.id}

        assert self.fire(caller, caller.rules(**{name: str(ids[name])})) == []


@pytest.mark.role("crawlset_worker")
def test_a_list_that_is_gone_when_the_crawl_completes_fails_the_validation(
    caller: Caller, session: Session
) -> None:
    job = factories.create_crawl_job(session, caller.project, status=JobStatus.completed)
    job.validation_rules = caller.rules(upload_id=str(uuid4()))
    session.commit()

    pipeline.start_requested(session, job)

    (validation_job,) = session.scalars(select(ValidationJob))
    with pytest.raises(Exception, match="has not been uploaded, or has expired") as raised:
        validate(validation_job)
    assert type(raised.value).__name__ == "HashListError"

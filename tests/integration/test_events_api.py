"""What happened: the events of a job, the activity of an account."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.events.repository import EventRepository, Place
from crawlset.models import CrawlJob, JobChunk, JobStatus, Profile, Project, WorkStatus
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "queues")


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SAMPLE_SOURCE_URL", "http://127.0.0.1:1")
    settings.source_settings.cache_clear()
    yield
    settings.source_settings.cache_clear()


@pytest.fixture
def profile(session: Session) -> Profile:
    return factories.create_profile(session)


@pytest.fixture
def project(session: Session, profile: Profile) -> Project:
    return factories.create_project(session, profile)


@pytest.fixture
def api(profile: Profile) -> Api:
    return Api(profile.id)


class TestActivity:
    def test_has_each_change_and_no_reading(self, api: Api) -> None:
        project = api.call("POST", "/api/projects", {"name": "Cats"})[1]
        path = f"/api/projects/{project['id']}"
        api.call("PATCH", path, {"name": "Dogs"})
        api.call("GET", path)
        job = api.call(
            "POST",
            f"{path}/crawl-jobs",
            {"name": "cats", "keywords": ["cat"], "sources": ["sample"]},
        )[1]
        api.call("POST", f"{path}/crawl-jobs/{job['id']}/cancel")
        api.call("DELETE", f"{path}/crawl-jobs/{job['id']}")

        items = api.call("GET", "/api/activity")[1]["items"]

        assert [(item["action"], item["resource_id"]) for item in items] == [
            ("crawl_job.deleted", job["id"]),
            ("crawl_job.cancelled", job["id"]),
            ("crawl_job.created", job["id"]),
            ("project.updated", project["id"]),
            ("project.created", project["id"]),
        ]
        assert items[0]["metadata"] == {"request_id": "r-1", "key_id": "k"}

    def test_has_nothing_that_failed(self, api: Api) -> None:
        api.call("PATCH", "/api/projects/00000000-0000-7000-8000-000000000000", {"name": "x"})

        assert api.call("GET", "/api/activity")[1]["items"] == []

    def test_is_filtered_and_paged(self, api: Api) -> None:
        for name in ("a", "b", "c"):
            api.call("POST", "/api/projects", {"name": name})

        first = api.call("GET", "/api/activity", query={"limit": "2"})[1]
        rest = api.call(
            "GET", "/api/activity", query={"limit": "2", "cursor": first["next_cursor"]}
        )[1]
        none = api.call("GET", "/api/activity", query={"action": "project.deleted"})[1]

        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
        assert none["items"] == []


@pytest.fixture
def owner(engine: Engine) -> Iterator[Session]:
    """The owner's session, which commits; without the tenants it has made afterwards."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.rollback()
        session.execute(delete(Profile))
        session.commit()


class TestEvents:
    """With real commits: an event is shown once its transaction has ended."""

    @pytest.fixture
    def job(self, owner: Session) -> CrawlJob:
        project = factories.create_project(owner, factories.create_profile(owner))
        return factories.create_crawl_job(owner, project, status=JobStatus.pending)

    def types(self, owner: Session, job: CrawlJob, place: Place | None = None) -> list[str]:
        events = EventRepository(owner).list_after(job, place, 100)
        owner.rollback()
        return [event.type for event in events]

    def test_tell_each_state(self, owner: Session, job: CrawlJob) -> None:
        chunk = factories.create_chunk(owner, job)
        for status in (JobStatus.running, JobStatus.completed, JobStatus.running):
            owner.execute(update(CrawlJob).values(status=status))
            owner.commit()
        for done in (WorkStatus.queued, WorkStatus.completed, WorkStatus.cancelled):
            owner.execute(update(JobChunk).values(status=done, outcomes={"stored": 1}))
            owner.commit()
        validation_job = factories.create_validation_job(owner, job)
        factories.create_export_job(owner, job, validation_job_id=validation_job.id)

        events = EventRepository(owner).list_after(job, None, 100)

        assert [event.type for event in events] == [
            "crawl_job.created",
            "crawl_job.running",
            "crawl_job.completed",
            "crawl_job.reopened",
            "chunk.completed",
            "validation_job.created",
            "export_job.created",
        ]
        assert events[4].data == {
            "id": str(chunk.id),
            "status": "completed",
            "outcomes": {"stored": 1},
            "bytes_stored": 0,
        }

    def test_are_not_passed_over_when_they_are_committed_late(
        self, engine: Engine, owner: Session, job: CrawlJob
    ) -> None:
        chunks = [factories.create_chunk(owner, job) for _ in range(2)]
        seen = EventRepository(owner).list_after(job, None, 100)[-1]
        place = Place(seen.transaction_id, seen.id)
        owner.rollback()

        with Session(engine) as slow:
            slow.execute(
                update(JobChunk)
                .where(JobChunk.id == chunks[0].id)
                .values(status=WorkStatus.completed)
            )
            owner.execute(
                update(JobChunk).where(JobChunk.id == chunks[1].id).values(status=WorkStatus.failed)
            )
            owner.commit()
            meanwhile = self.types(owner, job, place)
            slow.commit()

        assert meanwhile == []
        assert self.types(owner, job, place) == ["chunk.completed", "chunk.failed"]

    def test_are_read_on_from_a_cursor(self, owner: Session, job: CrawlJob, route: Any) -> None:
        first = route(limit="1")
        again = route(cursor=first["next_cursor"])
        owner.execute(update(CrawlJob).values(status=JobStatus.failed, error_message="why"))
        owner.commit()
        then = route(cursor=again["next_cursor"])

        assert [event["type"] for event in first["items"]] == ["crawl_job.created"]
        assert (again["items"], again["next_cursor"]) == ([], first["next_cursor"])
        assert [event["data"]["error_message"] for event in then["items"]] == ["why"]

    @pytest.fixture
    def route(self, engine: Engine, job: CrawlJob, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(
            "crawlset.kit.db.new_session", lambda: Session(engine, expire_on_commit=False)
        )
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/events"

        def ask(**query: str) -> Any:
            return Api(job.user_id).call("GET", path, query=query)[1]

        return ask

    def test_take_no_other_list_s_cursor(self, route: Any) -> None:
        assert route(cursor="WzEsICJ4Il0")["code"] == "InvalidCursorError"

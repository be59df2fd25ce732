"""What happened: the events of a job, the activity of an account."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.events.repository import EventPosition, EventRepository
from crawlset.kit import db
from crawlset.kit.paging import encode
from crawlset.models import CrawlJob, JobChunk, JobEvent, JobStatus, WorkStatus
from crawlset.tick import purging
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk, put_outcome, result

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")


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
        api.call("POST", f"{path}/crawl-jobs/{job['id']}/restore")

        items = api.call("GET", "/api/activity")[1]["items"]

        assert [(item["action"], item["resource_id"]) for item in items] == [
            ("crawl_job.restored", job["id"]),
            ("crawl_job.deleted", job["id"]),
            ("crawl_job.cancelled", job["id"]),
            ("crawl_job.created", job["id"]),
            ("project.updated", project["id"]),
            ("project.created", project["id"]),
        ]
        assert items[0]["metadata"] == {"request_id": "r-1", "key_id": "k"}

    def test_names_what_was_made(self, api: Api) -> None:
        project = api.call("POST", "/api/projects", {"name": "Cats"})[1]
        upload = api.call("POST", f"/api/projects/{project['id']}/uploads", {"file_size": 1})[1]

        items = api.call("GET", "/api/activity", query={"action": "upload.created"})[1]["items"]

        assert [item["resource_id"] for item in items] == [upload["upload_id"]]

    def test_says_that_a_key_was_revoked(self, api: Api) -> None:
        made = api.call("POST", "/api/api-keys", {"name": "ci", "scopes": ["read"]})[1]
        api.call("DELETE", f"/api/api-keys/{made['id']}")

        items = api.call("GET", "/api/activity", query={"resource_type": "api_key"})[1]["items"]

        assert [(item["action"], item["resource_id"]) for item in items] == [
            ("api_key.revoked", made["id"]),
            ("api_key.created", made["id"]),
        ]

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


def sessions(engine: Engine, role: str) -> Callable[[], Session]:
    """What makes sessions that act in `role`, each on a connection of its own."""

    def new_session() -> Session:
        session = Session(engine, expire_on_commit=False)
        listen(
            session,
            "after_begin",
            lambda _s, _t, made: made.execute(text(f"SET LOCAL ROLE {role}")),
        )
        return session

    return new_session


class TestEvents:
    """With real commits: an event is shown once its transaction has ended."""

    @pytest.fixture
    def job(self, owner: Session) -> CrawlJob:
        project = factories.create_project(owner, factories.create_profile(owner))
        return factories.create_crawl_job(owner, project, status=JobStatus.pending)

    def types(self, owner: Session, job: CrawlJob, place: EventPosition | None = None) -> list[str]:
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
        place = EventPosition(seen.transaction_id, seen.id)
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

    def test_tell_what_recording_and_the_api_do(
        self,
        engine: Engine,
        owner: Session,
        job: CrawlJob,
        route: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        owner.execute(
            update(CrawlJob).values(
                status=JobStatus.running, export_request={"format": "imagefolder"}
            )
        )
        chunk = create_open_chunk(owner, job, 2)
        owner.commit()
        with monkeypatch.context() as worker:
            worker.setattr(db, "new_session", sessions(engine, "crawlset_worker"))
            recording.record_outcome(put_outcome(chunk, [result(0), result(1, "timeout")]))
        api = Api(job.user_id)
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
        export_id = api.call("GET", path)[1]["export_jobs"][0]["id"]
        api.call("POST", f"{path}/export-jobs/{export_id}/cancel")
        api.call("POST", f"{path}/retry")
        api.call("POST", f"{path}/cancel")

        events = route()["items"]

        assert [event["type"] for event in events] == [
            "crawl_job.created",
            "crawl_job.running",
            "chunk.completed",
            "crawl_job.completed",
            "export_job.created",
            "export_job.cancelled",
            "crawl_job.reopened",
            "crawl_job.cancelled",
        ]
        assert events[2]["data"]["outcomes"] == {"stored": 1, "timeout": 1}

    def test_go_with_their_job(
        self,
        engine: Engine,
        owner: Session,
        job: CrawlJob,
        route: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        Api(job.user_id).call("POST", f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/cancel")
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"
        Api(job.user_id).call("DELETE", path, query={"grace_hours": "0"})
        shown = route()
        monkeypatch.setattr(db, "new_session", sessions(engine, "crawlset_tick"))
        purging.purge_due()

        assert shown["code"] == "NotFoundError"
        assert owner.scalars(select(JobEvent)).all() == []

    def test_are_not_for_another_account(self, owner: Session, job: CrawlJob, route: Any) -> None:
        stranger = factories.create_profile(owner)
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/events"

        status, body = Api(stranger.id).call("GET", path)

        assert (status, body["code"]) == (404, "NotFoundError")

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
        monkeypatch.setattr(db, "new_session", sessions(engine, "crawlset_api"))
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/events"

        def ask(**query: str) -> Any:
            return Api(job.user_id).call("GET", path, query=query)[1]

        return ask

    @pytest.mark.parametrize("key", ["x", "1", "1.2.3", "1.x", f"{2**63}.1", "-1.1"])
    def test_take_no_other_list_s_cursor(self, route: Any, key: str) -> None:
        assert route(cursor=encode(key))["code"] == "InvalidCursorError"

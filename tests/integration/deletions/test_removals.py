"""Objects of deleted jobs go soon, whatever deleted the rows."""

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from crawlset.kit import db, objects
from crawlset.models import CrawlJob, FolderRemoval, JobStatus, Profile, Project
from crawlset.tick import folder_removals, purging
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.deletions.grace import AT_ONCE

pytestmark = pytest.mark.usefixtures("bucket")


def prefixes(session: Session) -> set[str]:
    return set(session.scalars(select(FolderRemoval.prefix)))


def minutes_ago(minutes: int) -> Any:
    return func.now() - text(f"interval '{minutes} minutes'")


def deleted(session: Session, minutes: int = 0) -> str:
    """The folder of a job deleted so long ago, with two objects in it."""
    prefix = f"jobs/{uuid4()}/"
    at = minutes_ago(minutes)
    session.add(FolderRemoval(prefix=prefix, deleted_at=at, due_at=at))
    session.commit()
    for name in ("chunks/1.tar", "cancelled"):
        objects.put(prefix + name, b"x")
    return prefix


class TestDelete:
    def test_of_a_job_has_its_folders_removed(
        self, session: Session, project: Project, job: CrawlJob, tick: Any
    ) -> None:
        validation_job = factories.create_validation_job(session, job)
        export_job = factories.create_export_job(session, job)

        status, _ = Api(job.user_id).call(
            "DELETE", f"/api/projects/{project.id}/crawl-jobs/{job.id}", query=AT_ONCE
        )
        tick(purging.purge_due)

        assert status == 200
        assert prefixes(session) >= {
            f"jobs/{job.id}/",
            f"validations/{validation_job.id}/",
            f"exports/{export_job.id}/",
        }

    def test_of_a_project_has_the_folders_of_all_its_jobs_removed(
        self, session: Session, project: Project, job: CrawlJob, tick: Any
    ) -> None:
        other = factories.create_crawl_job(session, project, status=JobStatus.cancelled)
        export_job = factories.create_export_job(session, other)

        status, _ = Api(job.user_id).call("DELETE", f"/api/projects/{project.id}", query=AT_ONCE)
        tick(purging.purge_due)

        assert status == 200
        assert prefixes(session) >= {
            f"jobs/{job.id}/",
            f"jobs/{other.id}/",
            f"exports/{export_job.id}/",
        }

    def test_of_an_account_has_them_removed_too(self, session: Session, job: CrawlJob) -> None:
        db.act_for(session, job.user_id)
        session.execute(delete(Profile).where(Profile.id == job.user_id))

        assert f"jobs/{job.id}/" in prefixes(session)

    def test_frees_the_account_when_it_is_purged(
        self, session: Session, job: CrawlJob, tick: Any
    ) -> None:
        api = Api(job.user_id)
        factories.create_chunk(session, job, pack_bytes=1_000)
        _, before = api.call("GET", "/api/profile")

        api.call("DELETE", f"/api/projects/{job.project_id}/crawl-jobs/{job.id}", query=AT_ONCE)
        _, deleted = api.call("GET", "/api/profile")
        tick(purging.purge_due)
        _, purged = api.call("GET", "/api/profile")

        usages = [answer["usage"]["stored_bytes"] for answer in (before, deleted, purged)]
        assert usages == [1_000, 1_000, 0]


@pytest.mark.role("crawlset_tick")
@pytest.mark.usefixtures("session")
class TestRemoveDue:
    @pytest.fixture(autouse=True)
    def _nothing_else(self, session: Session) -> None:
        session.execute(delete(FolderRemoval))

    def test_empties_folders_and_nothing_beside_them(self, session: Session) -> None:
        kept = keys.pack(uuid4(), uuid4(), 1, "t")
        objects.put(kept, b"x")
        deleted(session)
        deleted(session)

        assert folder_removals.remove_due() == 4
        assert list(objects.list_keys("")) == [kept]
        assert folder_removals.remove_due() == 0

    @pytest.mark.parametrize("status", [JobStatus.failed, JobStatus.cancelled])
    def test_empties_the_folder_of_an_export_that_ended_badly(
        self, session: Session, job: CrawlJob, status: JobStatus
    ) -> None:
        export = factories.create_export_job(session, job, status=JobStatus.running)
        objects.put(keys.export_file(export.id, "train-00000.tar"), b"x")
        export.status = status
        session.commit()

        assert folder_removals.remove_due() == 1
        assert list(objects.list_keys("exports/")) == []

    def test_looks_again_when_nobody_can_be_writing_there(self, session: Session) -> None:
        prefix = deleted(session)
        folder_removals.remove_due()
        objects.put(f"{prefix}late.tar", b"x")
        session.execute(
            update(FolderRemoval).values(deleted_at=minutes_ago(21), due_at=minutes_ago(1))
        )

        folder_removals.remove_due()

        assert list(objects.list_keys(prefix)) == []
        assert prefixes(session) == set()

    def test_goes_on_the_next_time_when_there_is_much(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(folder_removals, "LIMIT", 3)
        for _ in range(2):
            deleted(session, 30)

        assert [folder_removals.remove_due() for _ in range(3)] == [3, 1, 0]
        assert prefixes(session) == set()

    def test_is_not_kept_back_by_a_folder_that_cannot_be_emptied(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stuck, fine = deleted(session, 2), deleted(session, 1)
        delete_all = objects.delete_all

        def fail(prefix: str, limit: int) -> int:
            if prefix == stuck:
                raise ClientError({"Error": {"Code": "InternalError"}}, "DeleteObjects")
            return delete_all(prefix, limit)

        monkeypatch.setattr(objects, "delete_all", fail)

        folder_removals.remove_due()
        monkeypatch.undo()

        assert not list(objects.list_keys(fine))
        assert stuck in prefixes(session)

from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, FurtherRow, Image, JobStatus, Project
from crawlset.tick import purging
from tests import factories
from tests.integration.api import Api
from tests.integration.deletions.grace import AT_ONCE, delete_earlier

pytestmark = pytest.mark.usefixtures("bucket")


class TestPurgeDue:
    def test_removes_what_is_due_and_nothing_else(
        self, session: Session, api: Api, project: Project, path: str, job: CrawlJob, tick: Any
    ) -> None:
        profile = session.get_one(type(project), project.id).user_id
        others = [
            factories.create_crawl_job(session, project, status=JobStatus.completed)
            for _ in range(2)
        ]
        api.call("DELETE", f"{path}/crawl-jobs/{job.id}", query=AT_ONCE)
        api.call("DELETE", f"{path}/crawl-jobs/{others[0].id}")

        removed = tick(purging.purge_due)

        left = session.scalars(select(CrawlJob.id).where(CrawlJob.user_id == profile)).all()
        assert removed == 1
        assert set(left) == {other.id for other in others}

    def test_removes_the_further_rows_of_a_list(
        self, session: Session, api: Api, project: Project, path: str, job: CrawlJob, tick: Any
    ) -> None:
        other = factories.create_crawl_job(session, project, status=JobStatus.completed)
        owner = {"user_id": project.user_id, "url_hash": b"u" * 16}
        session.add_all(
            FurtherRow(crawl_job_id=each.id, rank=rank, title="x", **owner)
            for each in (job, other)
            for rank in (2, 3)
        )
        session.commit()
        api.call("DELETE", f"{path}/crawl-jobs/{job.id}", query=AT_ONCE)

        tick(purging.purge_due)

        left = session.scalars(select(FurtherRow.crawl_job_id)).all()
        assert left == [other.id] * 2

    def test_removes_a_project_after_its_jobs(
        self, session: Session, api: Api, path: str, job: CrawlJob, project: Project, tick: Any
    ) -> None:
        template = factories.create_template(session, project)
        factories.create_schedule(session, template)
        factories.create_takedown(session, project)
        api.call("DELETE", path, query=AT_ONCE)

        assert tick(purging.purge_due) == 2
        assert tick(purging.purge_due) == 0
        for table in ("projects", "crawl_jobs", "job_templates", "crawl_schedules", "takedowns"):
            of_user = text(f"SELECT count(*) FROM {table} WHERE user_id = :id")
            assert session.scalar(of_user, {"id": project.user_id}) == 0

    def test_lets_no_job_outlive_its_project(
        self, session: Session, api: Api, path: str, job: CrawlJob, project: Project, tick: Any
    ) -> None:
        delete_earlier(session, job, hours=100)
        api.call("DELETE", path, query=AT_ONCE)

        assert tick(purging.purge_due) == 2
        assert session.scalar(select(Project.id).where(Project.id == project.id)) is None

    def test_goes_on_the_next_time_with_a_job_that_is_large(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        job_path: str,
        tick: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(purging, "PIECE", 2)
        monkeypatch.setattr(purging, "LIMIT", 4)
        monkeypatch.setattr(purging, "LEAST", 1)
        chunk = factories.create_chunk(session, job)
        images = [factories.create_image(session, chunk) for _ in range(5)]
        validation = factories.create_validation_job(session, job)
        for image in images[:3]:
            factories.create_verdict(session, validation, image)
        api.call("DELETE", job_path, query=AT_ONCE)
        left = select(func.count()).where(Image.crawl_job_id == job.id)

        rounds = [(tick(purging.purge_due), session.scalar(left)) for _ in range(3)]

        assert rounds == [(0, 3), (1, 0), (0, 0)]

    def test_loses_nothing_when_it_is_killed(
        self,
        session: Session,
        api: Api,
        job: CrawlJob,
        job_path: str,
        tick: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(purging, "PIECE", 2)
        monkeypatch.setattr(purging, "LIMIT", 1)
        chunk = factories.create_chunk(session, job)
        for _ in range(3):
            factories.create_image(session, chunk)
        api.call("DELETE", job_path, query=AT_ONCE)
        tick(purging.purge_due)

        status, problem = api.call("POST", f"{job_path}/restore")
        monkeypatch.undo()

        assert (status, problem["code"]) == (409, "RestoreTooLateError")

"""Deleted jobs and projects are hidden until they are restored or removed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.kit import db
from crawlset.models import CrawlJob, CrawlSchedule, JobStatus, Project
from crawlset.schedules import firing
from tests import factories
from tests.integration.api import Api
from tests.integration.deletions.grace import DELETED, grace_of, ids

pytestmark = pytest.mark.usefixtures("bucket")


class TestDelete:
    def test_gives_the_job_a_day_to_be_restored(
        self, api: Api, path: str, job_path: str, job: CrawlJob
    ) -> None:
        _, before = api.call("GET", job_path)

        status, deleted = api.call("DELETE", job_path)

        assert (before["deleted_at"], before["purges_at"]) == (None, None)
        assert (status, deleted["id"], grace_of(deleted)) == (200, str(job.id), timedelta(days=1))
        assert ids(api.call("GET", f"{path}/crawl-jobs")) == []
        assert ids(api.call("GET", f"{path}/crawl-jobs", query=DELETED)) == [str(job.id)]

    def test_gives_the_project_and_its_jobs_as_long_as_was_asked(
        self, session: Session, api: Api, path: str, project: Project, job: CrawlJob
    ) -> None:
        status, deleted = api.call("DELETE", path, query={"grace_hours": "720"})

        session.refresh(job)
        session.refresh(project)
        assert (status, deleted["id"], grace_of(deleted)) == (
            *(200, str(project.id)),
            timedelta(days=30),
        )
        assert (job.deleted_at, job.purges_at) == (project.deleted_at, project.purges_at)
        assert ids(api.call("GET", "/api/projects")) == []
        assert ids(api.call("GET", "/api/projects", query=DELETED)) == [str(project.id)]

    @pytest.mark.parametrize("hours", ["-1", "721", "soon"])
    def test_takes_no_other_grace(self, api: Api, path: str, hours: str) -> None:
        status, _ = api.call("DELETE", path, query={"grace_hours": hours})

        assert (status, api.call("GET", path)[0]) == (422, 200)

    @pytest.mark.parametrize(
        ("method", "route"),
        [
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/cancel"),
            ("POST", "/retry"),
            ("POST", "/recrawl"),
            ("GET", "/chunks"),
            ("GET", "/images"),
            ("GET", "/images/1/content"),
            ("GET", "/events"),
            ("GET", "/validation-jobs"),
            ("POST", "/validation-jobs"),
            ("GET", "/export-jobs"),
        ],
    )
    def test_hides_the_job_from_every_route(
        self, api: Api, job_path: str, method: str, route: str
    ) -> None:
        api.call("DELETE", job_path)

        status, problem = api.call(method, job_path + route, {} if method == "POST" else None)

        assert (status, problem["code"]) == (404, "NotFoundError")

    def test_hides_the_files_of_its_exports(
        self, session: Session, api: Api, job: CrawlJob, job_path: str
    ) -> None:
        export = factories.create_export_job(session, job, status=JobStatus.completed)
        files = f"{job_path}/export-jobs/{export.id}/files"
        before, _ = api.call("GET", files)

        api.call("DELETE", job_path)

        assert (before, api.call("GET", files)[0]) == (200, 404)

    @pytest.mark.parametrize("restored", [False, True])
    def test_hides_all_that_is_in_a_project_until_it_is_restored(
        self, session: Session, api: Api, project: Project, path: str, job_path: str, restored: bool
    ) -> None:
        template = factories.create_template(session, project)
        schedule = factories.create_schedule(session, template)
        takedown = factories.create_takedown(session, project)
        api.call("DELETE", path)
        if restored:
            api.call("POST", f"{path}/restore")

        routes = (
            *(path, job_path, f"{path}/crawl-jobs", f"{path}/job-templates"),
            f"{path}/job-templates/{template.id}",
            f"{path}/crawl-schedules",
            f"{path}/crawl-schedules/{schedule.id}",
            *(f"{path}/takedowns", f"{path}/takedowns/{takedown.id}", f"{path}/summary"),
        )
        statuses = {api.call("GET", route)[0] for route in routes}

        assert statuses == {200 if restored else 404}

    @pytest.mark.usefixtures("sample_source")
    @pytest.mark.parametrize(
        ("route", "body"),
        [
            ("crawl-jobs", {"name": "cats", "keywords": ["cat"], "sources": ["sample"]}),
            ("crawl-jobs/estimate", {"name": "cats", "keywords": ["cat"], "sources": ["sample"]}),
            ("job-templates/{template}/start", {}),
            ("takedowns", {"kind": "host", "value": "example.org"}),
            ("uploads", {"file_size": 1}),
        ],
    )
    def test_lets_nothing_start_in_a_project(
        self, session: Session, api: Api, project: Project, path: str, route: str, body: Any
    ) -> None:
        template = factories.create_template(session, project)
        api.call("DELETE", path)

        status, problem = api.call("POST", f"{path}/{route.format(template=template.id)}", body)

        assert (status, problem["code"]) == (404, "NotFoundError")

    def test_hides_datasets(self, api: Api, path: str, job: CrawlJob) -> None:
        dataset = f"/api/datasets/{job.id}"
        before = api.call("GET", dataset)[0], ids(api.call("GET", "/api/datasets"))

        api.call("DELETE", path)

        after = api.call("GET", dataset)[0], ids(api.call("GET", "/api/datasets"))
        assert before == (200, [str(job.id)])
        assert after == (404, [])

    def test_leaves_the_name_to_another(self, api: Api, project: Project, path: str) -> None:
        api.call("DELETE", path)

        assert api.call("POST", "/api/projects", {"name": project.name})[0] == 201

    def test_frees_no_bytes_before_they_are_removed(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        factories.create_chunk(session, job, pack_bytes=1_000)

        api.call("DELETE", path)

        assert api.call("GET", "/api/profile")[1]["usage"] | {"active_jobs": 0} == {
            "active_jobs": 0,
            "stored_bytes": 1_000,
            "n_projects": 0,
        }

    def test_marks_nothing_while_a_job_runs(
        self, session: Session, api: Api, project: Project, path: str, job_path: str
    ) -> None:
        running = factories.create_crawl_job(session, project, status=JobStatus.running)

        answers = [api.call("DELETE", p) for p in (path, f"{path}/crawl-jobs/{running.id}")]

        assert [(status, body["code"]) for status, body in answers] == [
            (409, "ProjectActiveError"),
            (409, "CrawlJobActiveError"),
        ]
        assert {api.call("GET", p)[0] for p in (path, job_path)} == {200}


class TestRowLevelSecurity:
    def test_shows_the_api_what_is_deleted_only_when_it_asks(
        self, session: Session, api: Api, job_path: str, job: CrawlJob
    ) -> None:
        api.call("DELETE", job_path)
        this = select(CrawlJob.id).where(CrawlJob.id == job.id)

        with db.transaction(job.user_id) as asking:
            before = asking.scalar(this)
            with db.showing_deleted(asking):
                shown = asking.scalar(this)
            after = asking.scalar(this)
            usage = AccountRepository(asking).usage(job.user_id)
            afterwards = asking.scalar(this)

        assert (before, shown, after, afterwards) == (None, job.id, None, None)
        assert usage.n_projects == 1

    @pytest.mark.parametrize("role", ["crawlset_worker", "crawlset_tick"])
    def test_shows_it_to_those_who_work(
        self, session: Session, api: Api, job_path: str, job: CrawlJob, roles: Any, role: str
    ) -> None:
        api.call("DELETE", job_path)
        roles.append(role)

        with db.transaction(job.user_id) as working:
            assert working.get(CrawlJob, job.id) is not None


@pytest.mark.usefixtures("sample_source")
class TestSchedules:
    def due(self, session: Session) -> Any:
        return session.execute(select(CrawlSchedule.next_run_at)).scalar_one()

    @pytest.mark.parametrize(("catches_up", "n_jobs"), [(True, 1), (False, 0)])
    def test_rest_while_their_project_is_deleted(
        self,
        session: Session,
        api: Api,
        project: Project,
        path: str,
        tick: Any,
        catches_up: bool,
        n_jobs: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        template = factories.create_template(session, project)
        factories.create_schedule(session, template, catches_up=catches_up)
        jobs = select(func.count()).where(CrawlJob.project_id == project.id)
        was_due = self.due(session)
        api.call("DELETE", path)

        fired = tick(firing.fire_due)
        session.expire_all()
        still_due = self.due(session)
        api.call("POST", f"{path}/restore")
        again = tick(firing.fire_due)
        session.expire_all()

        assert (fired, again) == (0, 1)
        assert was_due == still_due < datetime.now(UTC) < self.due(session)
        assert session.scalar(jobs) == n_jobs

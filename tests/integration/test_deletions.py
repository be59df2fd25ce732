"""What is deleted is hidden, can be restored for a while, and is removed then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.kit import db
from crawlset.models import (
    CrawlJob,
    CrawlSchedule,
    Image,
    JobStatus,
    Project,
)
from crawlset.schedules import firing
from crawlset.tick import purging
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket")
AT_ONCE = {"grace_hours": "0"}
DELETED = {"deleted": "true"}
AGO = func.now() - timedelta(seconds=1)


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def path(project: Project) -> str:
    return f"/api/projects/{project.id}"


@pytest.fixture
def job_path(path: str, job: CrawlJob) -> str:
    return f"{path}/crawl-jobs/{job.id}"


def end_grace(session: Session) -> None:
    """By the database's clock, which stands still while the test's transaction lasts."""
    for model in (Project, CrawlJob):
        ended = update(model).where(model.deleted_at.is_not(None))
        session.execute(ended.values(deleted_at=AGO, purges_at=AGO))
    session.commit()


def delete_earlier(session: Session, job: CrawlJob, hours: int) -> None:
    """As if by a request before the test's transaction."""
    deleted_at = func.now() - timedelta(hours=1)
    job.deleted_at, job.purges_at = deleted_at, deleted_at + timedelta(hours=hours)
    session.commit()


def grace_of(body: Any) -> timedelta:
    purges_at, deleted_at = (
        datetime.fromisoformat(body[name]) for name in ("purges_at", "deleted_at")
    )
    return purges_at - deleted_at


def ids(answer: tuple[int, Any]) -> list[str]:
    assert answer[0] == 200
    return [item["id"] for item in answer[1]["items"]]


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
            ("uploads", {}),
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
        factories.create_chunk(session, job, bytes_stored=1_000)

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


class TestRestore:
    def test_gives_the_job_back_as_it_was(
        self, session: Session, api: Api, job: CrawlJob, job_path: str, path: str
    ) -> None:
        factories.create_image(session, factories.create_chunk(session, job))
        _, before = api.call("GET", job_path)
        api.call("DELETE", job_path)

        status, restored = api.call("POST", f"{job_path}/restore")

        assert (status, restored) == (200, before)
        assert ids(api.call("GET", f"{path}/crawl-jobs")) == [str(job.id)]
        assert ids(api.call("GET", f"{path}/crawl-jobs", query=DELETED)) == []
        assert len(api.call("GET", f"{job_path}/images")[1]["items"]) == 1

    def test_gives_a_project_back_with_what_was_deleted_with_it(
        self, session: Session, api: Api, project: Project, job: CrawlJob, path: str
    ) -> None:
        earlier = factories.create_crawl_job(session, project, status=JobStatus.completed)
        delete_earlier(session, earlier, hours=24)
        session.refresh(earlier)
        purges_at = earlier.purges_at
        _, before = api.call("GET", path)
        api.call("DELETE", path, query={"grace_hours": "1"})

        status, restored = api.call("POST", f"{path}/restore")

        assert (status, restored["crawl_jobs"]) == (200, before["crawl_jobs"])
        assert (restored["deleted_at"], restored["purges_at"]) == (None, None)
        assert ids(api.call("GET", f"{path}/crawl-jobs")) == [str(job.id)]
        assert ids(api.call("GET", f"{path}/crawl-jobs", query=DELETED)) == [str(earlier.id)]
        session.refresh(earlier)
        assert earlier.purges_at == purges_at

    def test_leaves_what_is_not_deleted_as_it_is(self, api: Api, path: str, job_path: str) -> None:
        for each in (path, job_path):
            _, before = api.call("GET", each)

            assert [api.call("POST", f"{each}/restore") for _ in range(2)] == [(200, before)] * 2

    @pytest.mark.parametrize("grace", [{}, AT_ONCE])
    def test_answers_409_when_the_grace_is_over(
        self, session: Session, api: Api, path: str, job_path: str, grace: dict[str, str]
    ) -> None:
        api.call("DELETE", job_path, query=grace)
        if not grace:
            end_grace(session)
        of_job = api.call("POST", f"{job_path}/restore")
        api.call("DELETE", path, query=AT_ONCE)
        of_project = api.call("POST", f"{path}/restore")

        for status, problem in (of_job, of_project):
            assert (status, problem["code"]) == (409, "RestoreTooLateError")
        assert "within its grace only, and it had none" in of_project[1]["detail"]
        assert ids(api.call("GET", "/api/projects", query=DELETED)) == []

    def test_answers_404_in_a_project_that_is_deleted(
        self, api: Api, path: str, job_path: str
    ) -> None:
        api.call("DELETE", path)

        assert api.call("POST", f"{job_path}/restore")[0] == 404
        assert api.call("GET", f"{path}/crawl-jobs", query=DELETED)[0] == 404

    def test_answers_409_with_the_project_that_has_the_name_now(
        self, session: Session, api: Api, project: Project, path: str, job: CrawlJob
    ) -> None:
        api.call("DELETE", path)
        _, other = api.call("POST", "/api/projects", {"name": project.name})

        status, problem = api.call("POST", f"{path}/restore")

        session.refresh(job)
        assert (status, problem["code"]) == (409, "ProjectNameTakenError")
        assert problem["existing_id"] == other["id"]
        assert job.deleted_at is not None

    def test_answers_404_to_a_stranger(
        self, session: Session, api: Api, path: str, job_path: str
    ) -> None:
        api.call("DELETE", path)
        stranger = Api(factories.create_profile(session).id)

        answers = [stranger.call("POST", f"{p}/restore")[0] for p in (path, job_path)]

        assert answers == [404, 404]
        assert ids(stranger.call("GET", "/api/projects", query=DELETED)) == []


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

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobStatus, Project
from tests import factories
from tests.integration.api import Api
from tests.integration.deletions.grace import AT_ONCE, DELETED, delete_earlier, end_grace, ids

pytestmark = pytest.mark.usefixtures("bucket")


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

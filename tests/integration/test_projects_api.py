from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import Project
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "sample_source")


class TestProjects:
    def test_goes_through_its_life(self, api: Api) -> None:
        _, created = api.call("POST", "/api/projects", {"name": "Birds"})
        path = f"/api/projects/{created['id']}"

        _, renamed = api.call("PATCH", path, {"name": "Owls"})
        _, listed = api.call("GET", "/api/projects")
        status, _ = api.call("DELETE", path)

        assert renamed["name"] == "Owls"
        assert [project["id"] for project in listed["items"]] == [created["id"]]
        assert (status, api.call("GET", path)[0]) == (200, 404)

    def test_answers_409_with_the_one_that_has_the_name(self, api: Api, project: Project) -> None:
        _, other = api.call("POST", "/api/projects", {"name": "Owls"})

        answers = [
            api.call("POST", "/api/projects", {"name": f" {project.name} "}),
            api.call("PATCH", f"/api/projects/{other['id']}", {"name": project.name}),
        ]

        for status, problem in answers:
            assert (status, problem["code"]) == (409, "ProjectNameTakenError")
            assert problem["existing_id"] == str(project.id)
            assert str(project.id) in problem["detail"]
        _, listed = api.call("GET", "/api/projects")
        assert [p["name"] for p in listed["items"]] == ["Owls", project.name]

    def test_lets_a_project_keep_its_name(self, api: Api, project: Project) -> None:
        body = {"name": project.name, "description": "Changed"}

        status, changed = api.call("PATCH", f"/api/projects/{project.id}", body)

        assert (status, changed["description"]) == (200, "Changed")

    def test_lets_accounts_use_one_name(self, session: Session, project: Project) -> None:
        other = Api(factories.create_profile(session).id)

        assert other.call("POST", "/api/projects", {"name": project.name})[0] == 201

    @pytest.mark.parametrize(
        ("method", "body"),
        [
            ("POST", {"name": "a\0b"}),
            ("POST", {"name": "x", "description": "a\0b"}),
            ("POST", {"name": "x", "owner_id": "y"}),
            ("PATCH", {"name": None}),
        ],
    )
    def test_says_what_is_wrong_with_a_project(
        self, api: Api, project: Project, method: str, body: dict[str, Any]
    ) -> None:
        path = "/api/projects" + (f"/{project.id}" if method == "PATCH" else "")

        status, problem = api.call(method, path, body)

        assert (status, problem["code"]) == (422, "InvalidRequestError")

    def test_keeps_a_project_while_its_job_runs(
        self, session: Session, api: Api, project: Project
    ) -> None:
        factories.create_crawl_job(session, project)

        status, problem = api.call("DELETE", f"/api/projects/{project.id}")

        assert (status, problem["code"]) == (409, "ProjectActiveError")

    def test_answers_404_problem_on_an_unknown_route(self, api: Api) -> None:
        status, problem = api.call("GET", "/api/nope")

        assert (status, problem["code"]) == (404, "NoRouteError")

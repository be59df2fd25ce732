"""Datasets, deprecated: the seed's requests still work, and say until when."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.datasets import deprecation
from crawlset.models import CrawlJob, Profile, Project
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "queues")

OLD = {
    "name": "My Dataset",
    "keywords": ["cat", "dog"],
    "max_images": 1000,
    "search_engines": ["google", "bing"],
}


@pytest.mark.usefixtures("sample_source")
class TestDatasets:
    def test_are_a_project_and_a_crawl_job(self, api: Api) -> None:
        status, made = api.call("POST", "/api/datasets", OLD)

        job = api.call("GET", f"/api/projects/{made['project_id']}/crawl-jobs/{made['id']}")[1]
        assert (status, made["id"]) == (201, made["crawl_job_id"])
        assert (job["name"], job["keywords"], job["max_images"], job["sources"]) == (
            "My Dataset",
            ["cat", "dog"],
            1000,
            ["sample"],
        )
        assert made["search_engines"] == ["sample"]
        assert [warning.split()[0] for warning in made["warnings"]] == ["google", "bing"]

    def test_of_one_name_share_their_project(self, api: Api, session: Session) -> None:
        first, second = (api.call("POST", "/api/datasets", OLD) for _ in range(2))

        assert (first[0], second[0]) == (201, 201)
        assert first[1]["id"] != second[1]["id"]
        assert first[1]["project_id"] == second[1]["project_id"]
        assert session.scalar(select(func.count()).select_from(Project)) == 1

    def test_search_a_source_that_is_named(self, api: Api) -> None:
        made = api.call("POST", "/api/datasets", OLD | {"search_engines": ["sample"]})[1]

        assert (made["search_engines"], made["warnings"]) == (["sample"], [])

    def test_are_shown_in_their_old_shape(self, api: Api, session: Session) -> None:
        made = api.call("POST", "/api/datasets", OLD)[1]
        job = session.get_one(CrawlJob, made["id"])
        factories.create_chunk(session, job, outcomes={"stored": 3, "http_404": 1})

        _, read = api.call("GET", f"/api/datasets/{made['id']}")
        _, page = api.call("GET", "/api/datasets")

        assert read == made | {"n_images": 3, "warnings": [], "updated_at": read["updated_at"]}
        assert page == {"items": [read], "next_cursor": None}

    def test_leave_nothing_when_they_cannot_be_made(
        self, api: Api, session: Session, profile: Profile
    ) -> None:
        profile.max_active_jobs = 0
        session.commit()

        assert api.call("POST", "/api/datasets", OLD)[0] == 429
        assert session.scalar(select(func.count()).select_from(Project)) == 0

    def test_end(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deprecation, "now", lambda: deprecation.SUNSET)
        id_ = "00000000-0000-7000-8000-000000000000"

        answers = [
            api.call("POST", "/api/datasets", OLD),
            api.call("GET", "/api/datasets"),
            api.call("GET", f"/api/datasets/{id_}"),
        ]

        assert [(status, body["code"]) for status, body in answers] == [(410, "SunsetError")] * 3


def test_need_a_source_to_search(api: Api) -> None:
    status, problem = api.call("POST", "/api/datasets", OLD)

    assert (status, problem["errors"][0]["pointer"]) == (422, "/search_engines")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/datasets", None, 200),
        ("POST", "/api/datasets", {"name": "x"}, 422),
        ("GET", "/api/datasets/00000000-0000-7000-8000-000000000000", None, 404),
    ],
)
def test_every_answer_says_that_they_go(
    api: Api, method: str, path: str, body: Any, status: int
) -> None:
    answer = api.ask(method, path, body)

    assert answer.status == status
    deprecated = datetime.fromtimestamp(int(answer.headers["deprecation"].removeprefix("@")), UTC)
    assert deprecated < parsedate_to_datetime(answer.headers["sunset"])
    assert {
        part.split("rel=")[1].split(";")[0] for part in answer.headers["link"].split(", <")
    } == {
        '"deprecation"',
        '"sunset"',
        '"successor-version"',
    }


def test_nothing_else_says_so(api: Api) -> None:
    assert "deprecation" not in api.ask("GET", "/api/projects").headers

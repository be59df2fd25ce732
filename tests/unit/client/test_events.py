from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import NOW
from tests.unit.client.fake_api import FakeApi


@dataclass
class Eventful(FakeApi):
    """Answers the next page of `stream` to each question for events, with a cursor always."""

    stream: list[list[dict[str, Any]]] = field(default_factory=list)
    cursors: list[str | None] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return super().answer(request)
        self.cursors.append(request.url.params.get("cursor"))
        items = self.stream.pop(0) if self.stream else []
        return httpx.Response(
            200, json={"items": items, "next_cursor": f"after-{len(self.cursors)}"}
        )


@pytest.fixture
def api() -> Eventful:
    return Eventful(polls=100)


def event(type_: str, of: str, status: str, **data: Any) -> dict[str, Any]:
    happened = {"id": of, "status": status} | data
    return {"id": 1, "type": type_, "data": happened, "created_at": NOW}


class TestJobsEvents:
    def test_are_read_page_by_page_until_one_is_empty(self, shell: Shell, api: Eventful) -> None:
        job = api.add_job(api.add_project("cats"))
        api.stream = [
            [event("crawl_job.created", job["id"], "pending")],
            [event("chunk.completed", "c", "completed", outcomes={"stored": 4, "timeout": 1})],
        ]

        printed = shell.run("jobs", "events", job["id"]).stdout

        assert [line.split()[3:] for line in printed.splitlines()] == [
            ["crawl_job.created", job["id"]],
            ["chunk.completed", "c", "stored", "4,", "timeout", "1"],
        ]
        assert api.cursors == [None, "after-1", "after-2"]
        assert shell.slept == []

    def test_are_one_document_in_json(self, shell: Shell, api: Eventful) -> None:
        job = api.add_job(api.add_project("cats"))
        api.stream = [[event("crawl_job.failed", job["id"], "failed", error_message="why")]]

        document = shell.json("jobs", "events", job["id"])

        assert [item["data"]["error_message"] for item in document["items"]] == ["why"]

    def test_are_followed_until_the_job_and_its_export_have_ended(
        self, shell: Shell, api: Eventful
    ) -> None:
        job = api.add_job(api.add_project("cats"), "running")
        api.stream = [
            [],
            [
                event("crawl_job.completed", job["id"], "completed"),
                event("export_job.created", "e", "pending"),
            ],
            [],
            [event("export_job.completed", "e", "completed")],
        ]

        document = shell.json("jobs", "events", job["id"], "--follow")

        assert [item["type"] for item in document["items"]] == [
            "crawl_job.completed",
            "export_job.created",
            "export_job.completed",
        ]
        assert shell.slept == [2.0, 2.0]

    def test_are_not_waited_for_when_the_job_has_ended(self, shell: Shell, api: Eventful) -> None:
        job = api.add_job(api.add_project("cats"))

        assert shell.json("jobs", "events", job["id"], "--follow") == {"items": []}
        assert shell.slept == []

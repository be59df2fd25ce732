import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import NOW, not_found, page
from tests.unit.client.fake_api import FakeApi

CRAWL = {"name": "cats", "keywords": ["cat"], "sources": ["sample"]}
RUNS = [f"2026-01-0{day}T03:00:00+01:00" for day in range(3, 8)]
KINDS = "job-templates|crawl-schedules"


@dataclass
class FakeScheduler(FakeApi):
    """The fake service with templates and schedules, in the order they were made."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = rf"/api/projects/([^/]+)/({KINDS})(?:/([^/]+))?(/start)?"
        match = re.fullmatch(path, request.url.path)
        if match is None:
            return super().answer(request)
        request.read()
        self.requests.append(request)
        project_id, kind, id_, is_start = match.groups()
        if is_start:
            job = self.add_job(self.projects[project_id], "pending")
            return httpx.Response(201, json=job)
        if id_ is not None:
            return self._answer_one(request, kind, id_)
        if request.method == "POST":
            row = self.add(kind, project_id, **json.loads(request.content))
            return httpx.Response(201, json=row)
        rows = [row for row in self.rows.values() if row["kind"] == kind]
        return page(request, [row for row in rows[::-1] if row["project_id"] == project_id])

    def add(self, kind: str, project_id: str, **fields: Any) -> dict[str, Any]:
        shown = {"configuration": CRAWL} if kind == "job-templates" else {"next_runs": RUNS}
        id_ = str(uuid4())
        place = {"id": id_, "kind": kind, "project_id": project_id, "created_at": NOW}
        self.rows[id_] = {**place, **shown, **fields}
        return self.rows[id_]

    def _answer_one(self, request: httpx.Request, kind: str, id_: str) -> httpx.Response:
        if id_ not in self.rows or self.rows[id_]["kind"] != kind:
            return not_found(kind, id_)
        if request.method == "DELETE":
            del self.rows[id_]
            return httpx.Response(204)
        if request.method == "PATCH":
            changes = json.loads(request.content)
            self.rows[id_] |= changes
            self.rows[id_]["next_runs"] = [] if changes.get("is_paused") else RUNS
        return httpx.Response(200, json=self.rows[id_])


@pytest.fixture
def api() -> FakeScheduler:
    return FakeScheduler()


@pytest.fixture
def project(api: FakeScheduler) -> dict[str, Any]:
    return api.add_project("default")


@pytest.fixture
def template(api: FakeScheduler, project: dict[str, Any]) -> dict[str, Any]:
    return api.add("job-templates", project["id"], name="cats")


@pytest.fixture
def schedule(
    api: FakeScheduler, project: dict[str, Any], template: dict[str, Any]
) -> dict[str, Any]:
    fields = {"name": "weekly", "template_id": template["id"], "cron": "0 3 * * 1"}
    return api.add("crawl-schedules", project["id"], **fields)


class TestHelp:
    @pytest.mark.parametrize(
        "command",
        [
            *(f"templates {name}" for name in ("list", "create", "show", "start", "delete")),
            *(f"schedules {name}" for name in ("list", "create", "show", "pause", "resume")),
            "schedules delete",
        ],
    )
    def test_offers_json_on_every_command(self, shell: Shell, command: str) -> None:
        result = shell.run(*command.split(), "--help")

        assert result.exit_code == 0
        assert "--json" in result.stdout


class TestTemplates:
    def test_are_made_of_a_job_in_its_project(self, api: FakeScheduler, shell: Shell) -> None:
        project = api.add_project("pets")
        job = api.add_job(project)

        made = shell.json("templates", "create", "cats", "--from-job", job["id"])

        assert made["project_id"] == project["id"]
        assert api.sent("POST", "/job-templates") == {"name": "cats", "crawl_job_id": job["id"]}

    def test_are_made_of_a_file(
        self, api: FakeScheduler, shell: Shell, project: dict[str, Any], tmp_path: Path
    ) -> None:
        (tmp_path / "cats.json").write_text(json.dumps(CRAWL))

        result = shell.run("templates", "create", "cats", "--configuration", "cats.json")

        assert result.exit_code == 0
        assert api.sent("POST", "/job-templates") == {"name": "cats", "configuration": CRAWL}

    @pytest.mark.parametrize(
        ("content", "complaint"), [("{", "is no JSON"), ("[]", "holds no JSON object")]
    )
    def test_are_not_made_of_what_is_no_configuration(
        self, api: FakeScheduler, shell: Shell, tmp_path: Path, content: str, complaint: str
    ) -> None:
        (tmp_path / "cats.json").write_text(content)

        result = shell.run("templates", "create", "cats", "--configuration", "cats.json")

        assert (result.exit_code, api.requests) == (2, [])
        assert complaint in result.stderr

    def test_are_made_of_one_thing(self, api: FakeScheduler, shell: Shell) -> None:
        assert shell.run("templates", "create", "cats").exit_code == 2
        assert api.requests == []

    def test_are_listed(self, api: FakeScheduler, shell: Shell, project: dict[str, Any]) -> None:
        ids = [api.add("job-templates", project["id"], name=str(n))["id"] for n in range(3)]

        document = shell.json("templates", "list")

        assert [item["id"] for item in document["items"]] == ids[::-1]
        assert all(id_ in shell.run("templates", "list").stdout for id_ in ids)

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_are_shown(self, shell: Shell, template: dict[str, Any], by: str) -> None:
        assert shell.json("templates", "show", template[by])["configuration"] == CRAWL
        assert '"keywords"' in shell.run("templates", "show", template[by]).stdout

    def test_start_a_job_and_follow_it(
        self, api: FakeScheduler, shell: Shell, template: dict[str, Any]
    ) -> None:
        job = shell.json("templates", "start", "cats", "--max-images", "5")

        assert job["status"] == "completed"
        assert api.sent("POST", "/start") == {"max_images": 5}

    def test_start_a_job_and_leave_it(self, shell: Shell, template: dict[str, Any]) -> None:
        assert shell.json("templates", "start", "cats", "--no-watch")["status"] == "pending"

    def test_are_deleted(self, api: FakeScheduler, shell: Shell, template: dict[str, Any]) -> None:
        asked = shell.run("templates", "delete", "cats")

        assert (
            asked.exit_code,
            "Give --yes to delete template 'cats' for good." in asked.stderr,
        ) == (2, True)
        assert shell.json("templates", "delete", "cats", "--yes") == {"deleted": template["id"]}
        assert api.rows == {}

    def test_are_looked_for_by_name(self, shell: Shell, template: dict[str, Any]) -> None:
        result = shell.run("templates", "delete", "dogs")

        assert result.exit_code == 4
        assert "no template named 'dogs'" in result.stderr


class TestSchedules:
    def test_start_a_template_by_the_clock(
        self, api: FakeScheduler, shell: Shell, template: dict[str, Any]
    ) -> None:
        made = shell.json(
            *("schedules", "create", "weekly", "cats", "--cron", "0 3 * * 1"),
            *("--timezone", "Europe/Berlin", "--skip-missed"),
        )

        assert made["next_runs"] == RUNS
        assert api.sent("POST", "/crawl-schedules") == {
            "name": "weekly",
            "template_id": template["id"],
            "cron": "0 3 * * 1",
            "timezone": "Europe/Berlin",
            "is_paused": False,
            "catches_up": False,
        }

    def test_start_a_template_at_a_rate(
        self, api: FakeScheduler, shell: Shell, template: dict[str, Any]
    ) -> None:
        shell.run("schedules", "create", "often", "cats", "--every", "6 hours", "--paused")

        sent = api.sent("POST", "/crawl-schedules")
        assert (sent["rate"], sent["is_paused"], sent["catches_up"]) == ("6 hours", True, True)
        assert "cron" not in sent

    @pytest.mark.parametrize("when", [[], ["--cron", "0 3 * * 1", "--every", "1 day"]])
    def test_run_in_one_way(self, api: FakeScheduler, shell: Shell, when: list[str]) -> None:
        assert shell.run("schedules", "create", "weekly", "cats", *when).exit_code == 2
        assert api.requests == []

    @pytest.mark.parametrize("by", ["id", "name"])
    def test_show_their_next_runs(self, shell: Shell, schedule: dict[str, Any], by: str) -> None:
        result = shell.run("schedules", "show", schedule[by])

        assert all(run[:16].replace("T", " ") in result.stdout for run in RUNS)

    def test_pause_and_go_on(
        self, api: FakeScheduler, shell: Shell, schedule: dict[str, Any]
    ) -> None:
        paused = shell.json("schedules", "pause", "weekly")
        listed = shell.run("schedules", "list").stdout
        resumed = shell.json("schedules", "resume", "weekly")

        assert (paused["is_paused"], resumed["is_paused"]) == (True, False)
        assert "paused" in listed
        assert api.sent("PATCH", schedule["id"]) == {"is_paused": False}

    def test_are_deleted(self, api: FakeScheduler, shell: Shell, schedule: dict[str, Any]) -> None:
        asked = shell.run("schedules", "delete", "weekly")

        assert (
            asked.exit_code,
            "Give --yes to delete schedule 'weekly' for good." in asked.stderr,
        ) == (2, True)
        assert shell.json("schedules", "delete", "weekly", "--yes") == {"deleted": schedule["id"]}
        assert schedule["id"] not in api.rows

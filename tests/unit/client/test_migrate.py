import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import problem
from tests.unit.client.fake_api import FakeApi

CATS = {"id": 7, "name": "Cats", "keywords": ["cat"], "max_images": 50, "status": "completed"}
DOGS = {"id": "d-8", "name": "Dogs", "keywords": ["dog"], "search_engines": ["google"]}
BIRDS = {"id": "9", "name": "Birds", "keywords": ["bird"]}


@dataclass
class FakeDatasets(FakeApi):
    """The fake service with the route of old datasets; a key makes one dataset."""

    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, httpx.Response] = field(default_factory=dict)
    """By the dataset's name."""
    n_full: int = 0
    """How many requests find no place for one more job."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/api/datasets":
            return super().answer(request)
        self.requests.append(request)
        body = json.loads(request.read())
        if self.n_full:
            self.n_full -= 1
            return problem(429, "ActiveJobsExceededError", "This account may have 1 crawl jobs.")
        if body["name"] in self.refusals:
            return self.refusals[body["name"]]
        made = self.datasets.setdefault(
            request.headers["idempotency-key"],
            {"project_id": str(uuid4()), "crawl_job_id": str(uuid4()), "warnings": [], **body},
        )
        return httpx.Response(201, json=made)


@pytest.fixture
def api() -> FakeDatasets:
    return FakeDatasets()


@pytest.fixture
def file(shell: Shell) -> Path:
    path = shell.directory / "old.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (CATS, DOGS, BIRDS)))
    return path


def report(file: Path) -> list[dict[str, Any]]:
    lines = file.with_name(f"{file.name}.report.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


class TestMigrateDatasets:
    def test_moves_each_in_the_old_shape(self, api: FakeDatasets, shell: Shell, file: Path) -> None:
        result = shell.run("migrate-datasets", "old.jsonl")

        assert result.exit_code == 0
        assert "3 datasets moved" in result.stdout
        assert "Moving old.jsonl: completed" in result.stderr
        assert [json.loads(request.content) for request in api.requests] == [
            {"name": "Cats", "keywords": ["cat"], "max_images": 50, "search_engines": []},
            {"name": "Dogs", "keywords": ["dog"], "search_engines": ["google"]},
            {"name": "Birds", "keywords": ["bird"], "search_engines": []},
        ]

    def test_reports_where_each_went(self, api: FakeDatasets, shell: Shell, file: Path) -> None:
        shell.run("migrate-datasets", "old.jsonl")

        cats = next(iter(api.datasets.values()))
        assert report(file)[0] == {
            "line": 1,
            "id": "7",
            "outcome": "migrated",
            "project_id": cats["project_id"],
            "crawl_job_id": cats["crawl_job_id"],
        }

    def test_goes_on_where_it_stopped(self, api: FakeDatasets, shell: Shell, file: Path) -> None:
        api.refusals["Birds"] = problem(500, "InternalError", "Something broke.")
        stopped = shell.run("migrate-datasets", "old.jsonl")
        api.refusals.clear()
        api.requests.clear()

        document = shell.json("migrate-datasets", "old.jsonl")

        assert stopped.exit_code == 3
        assert "Something broke." in stopped.stderr
        assert document["counts"] == {"rows": 3, "migrated": 1, "skipped": 2, "refused": 0}
        assert len(api.requests) == 1
        assert [line["id"] for line in report(file)] == ["7", "d-8", "9"]

    def test_forgets_a_line_of_the_report_that_was_cut_short(
        self, api: FakeDatasets, shell: Shell, file: Path
    ) -> None:
        shell.run("migrate-datasets", "old.jsonl")
        path = file.with_name("old.jsonl.report.jsonl")
        path.write_text(path.read_text()[:-20])

        document = shell.json("migrate-datasets", "old.jsonl")

        assert document["counts"]["skipped"] == 2
        assert len(api.datasets) == 3
        assert [line["id"] for line in report(file)] == ["7", "d-8", "9"]

    def test_tells_what_is_refused_and_moves_the_rest(
        self, api: FakeDatasets, shell: Shell, file: Path
    ) -> None:
        api.refusals["Dogs"] = problem(422, "UnprocessableError", "No source is configured.")
        with file.open("a") as lines:
            lines.write('{broken\n\n{"id": 10, "name": "No keywords", "keywords": []}\n')
            lines.write(json.dumps(CATS) + "\n")

        result = shell.run("migrate-datasets", "old.jsonl")

        assert result.exit_code == 1
        assert len(api.datasets) == 2
        for line in (
            "line 2: No source is configured.",
            "line 4: not JSON",
            "line 6: keywords: ",
            "line 7: line 1 has the id 7 already",
            "4 of 6 rows",
        ):
            assert line in result.stderr
        assert [line["outcome"] for line in report(file)] == [
            *("migrated", "refused", "migrated", "refused", "refused", "refused")
        ]

    def test_waits_for_a_place(self, api: FakeDatasets, shell: Shell, file: Path) -> None:
        api.n_full = 12

        result = shell.run("migrate-datasets", "old.jsonl")

        assert result.exit_code == 0
        assert len(api.datasets) == 3
        assert 10.0 in shell.slept

    def test_stops_when_the_routes_are_gone(
        self, api: FakeDatasets, shell: Shell, file: Path
    ) -> None:
        api.refusals["Cats"] = problem(410, "SunsetError", "Datasets are gone.")

        result = shell.run("migrate-datasets", "old.jsonl")

        assert result.exit_code == 4
        assert "Datasets are gone." in result.stderr
        assert len(api.requests) == 1

    def test_only_reads_when_told_so(self, api: FakeDatasets, shell: Shell, file: Path) -> None:
        result = shell.run("migrate-datasets", "old.jsonl", "--dry-run")

        assert result.exit_code == 0
        assert "3 datasets could be moved" in result.stdout
        assert api.requests == []
        assert [*file.parent.iterdir()] == [file]

    @pytest.mark.parametrize("text", ['{"mine": 1}\n', "my notes", "my notes\non two lines"])
    def test_takes_no_other_file_for_its_report(self, shell: Shell, file: Path, text: str) -> None:
        report = file.with_name("old.jsonl.report.jsonl")
        report.write_text(text)

        result = shell.run("migrate-datasets", "old.jsonl")

        assert result.exit_code == 2
        assert "no report of a migration" in result.stderr
        assert report.read_text() == text

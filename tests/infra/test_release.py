"""The workflows: a release publishes what was tested; none holds a secret."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def jobs() -> dict[str, Any]:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


class TestRelease:
    def test_publishes_nothing_that_the_checks_have_not_passed(self) -> None:
        build, publish = jobs()["build"], jobs()["publish"]

        assert ".ci/run" in commands(build)
        assert commands(build).index(".ci/run") < commands(build).index("make wheel")
        assert publish["needs"] == "build"

    def test_proves_who_it_is_in_the_publishing_job_alone(self) -> None:
        may_prove = {
            name
            for name, job in jobs().items()
            if job.get("permissions", {}).get("id-token") == "write"
        }

        assert may_prove == {"publish"}
        assert jobs()["publish"]["environment"] == "pypi"

    def test_holds_no_secret(self) -> None:
        text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")

        assert "secrets." not in text
        assert "password" not in text

    def test_attaches_the_bills_of_materials(self) -> None:
        (record,) = commands(jobs()["record"])

        assert "dist/*.cdx.json" in record


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestEveryWorkflow:
    def test_runs_actions_at_one_commit_and_says_which_version(self, path: Path) -> None:
        """A tag can be moved to other code; a commit cannot."""
        used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))

        assert used
        for action in used:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+.*", action), action

    def test_may_read_the_code_and_no_more_unless_a_job_says_so(self, path: Path) -> None:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))

        assert workflow["permissions"] == {"contents": "read"}

    def test_leaves_no_token_in_the_checkout(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")

        assert text.count("uses: actions/checkout@") == text.count("persist-credentials: false")


class TestAudit:
    def test_runs_each_day_and_for_each_change(self) -> None:
        text = (ROOT / ".github/workflows/audit.yml").read_text(encoding="utf-8")
        workflow = yaml.safe_load(text.replace("\non:", '\n"on":'))

        assert set(workflow["on"]) >= {"pull_request", "schedule"}
        assert workflow["on"]["schedule"][0]["cron"].endswith("* * *")
        assert "make audit" in commands(workflow["jobs"]["audit"])

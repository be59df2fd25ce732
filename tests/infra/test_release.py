"""The release workflow: publishes what was tested, and holds no secret."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


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

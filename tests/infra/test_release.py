"""The workflows: a release publishes what was tested; none holds a secret."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.stack import written

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


class TestDeploy:
    def test_proves_who_it_is_and_holds_no_secret(self) -> None:
        text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
        job = yaml.safe_load(text)["jobs"]["deploy"]

        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert "secrets." not in text
        assert "role-to-assume: ${{ vars.AWS_ROLE_ARN }}" in text

    def test_builds_before_it_may_do_anything_in_aws(self) -> None:
        text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
        job = yaml.safe_load(text)["jobs"]["deploy"]
        steps = [step.get("run") or step["uses"].partition("@")[0] for step in job["steps"]]

        assert steps[-3:] == ["make build", "aws-actions/configure-aws-credentials", "make deploy"]

    @pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
    def test_knows_each_environment(self, environment: str) -> None:
        text = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
        offered = yaml.safe_load(text.replace("\non:", '\n"on":'))["on"]["workflow_dispatch"]
        chosen = yaml.safe_load(
            (ROOT / f"infra/parameters/{environment}.yaml").read_text(encoding="utf-8")
        )
        config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))

        assert environment in offered["inputs"]["environment"]["options"]
        assert chosen["Stage"] == environment
        assert chosen.keys() <= written()["Parameters"].keys()
        assert config[environment]["global"]["parameters"]["stack_name"].startswith("crawlset")


class TestReleaseName:
    def test_is_another_for_other_code_and_other_parameters(self, tmp_path: Path) -> None:
        module = runpy.run_path(str(ROOT / "infra/release.py"))
        chosen = tmp_path / "prod.yaml"
        code = tmp_path / "build/app.py"
        code.parent.mkdir()

        def name(body: str, parameters: str, *more: str) -> str:
            code.write_text(body)
            chosen.write_text(parameters)
            made: str = module["name_of"](code.parent, f"file://{chosen}", *more)
            return made

        names = [
            name("one", "Stage: prod"),
            name("two", "Stage: prod"),
            name("one", "Stage: test"),
            name("one", "Stage: prod", "Sources=met"),
        ]

        assert len(set(names)) == 4
        assert name("one", "Stage: prod") == names[0]
        pattern = written()["Parameters"]["Release"]["AllowedPattern"]
        assert all(re.fullmatch(pattern, each) for each in names)


class TestAudit:
    def test_runs_each_day_and_for_each_change(self) -> None:
        text = (ROOT / ".github/workflows/audit.yml").read_text(encoding="utf-8")
        workflow = yaml.safe_load(text.replace("\non:", '\n"on":'))

        assert set(workflow["on"]) >= {"pull_request", "schedule"}
        assert workflow["on"]["schedule"][0]["cron"].endswith("* * *")
        assert "make audit" in commands(workflow["jobs"]["audit"])

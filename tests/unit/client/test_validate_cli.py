import json
from pathlib import Path

import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi

NOBODY = "00000000-0000-0000-0000-000000000000"


class TestValidate:
    def test_says_how_many_were_kept(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        result = shell.run("validate", job["id"])

        assert result.exit_code == 0
        assert "completed, kept 5, rejected 1 (short_side 1)" in result.stdout

    def test_says_what_to_look_at(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))
        api.validation_warnings = ["near_duplicates: 1 cluster has more than 60 images."]

        result = shell.run("validate", job["id"])

        assert api.validation_warnings[0] in result.stderr

    def test_sends_the_rules_of_a_file(self, api: FakeApi, shell: Shell, tmp_path: Path) -> None:
        job = api.add_job(api.add_project("a"))
        rules = {"rules": [{"check": "short_side", "params": {"min": 200}}]}
        (tmp_path / "rules.json").write_text(json.dumps(rules))

        document = shell.json("validate", job["id"], "--rules", "rules.json", "--no-watch")

        assert document["status"] == "pending"
        assert document["validation_rules"] == rules

    def test_names_measurers_beside_the_rules(self, api: FakeApi, shell: Shell) -> None:
        job = api.add_job(api.add_project("a"))

        document = shell.json(
            "validate", job["id"], "--preset", "basic", "--measure", "towers", "--measure", "text"
        )

        assert document["validation_rules"] == {
            "preset": "basic",
            "measurers": ["towers", "text"],
        }

    def test_refuses_measurers_that_are_named_twice(
        self, api: FakeApi, shell: Shell, tmp_path: Path
    ) -> None:
        (tmp_path / "rules.json").write_text('{"measurers": ["text"]}')

        result = shell.run("validate", NOBODY, "--rules", "rules.json", "--measure", "towers")

        assert (result.exit_code, api.requests) == (2, [])
        assert "not by both" in result.stderr

    @pytest.mark.parametrize("text", ["", "[]", "{min_width: 200}", "\xff"])
    def test_refuses_rules_that_are_none(
        self, api: FakeApi, shell: Shell, tmp_path: Path, text: str
    ) -> None:
        (tmp_path / "rules.json").write_text(text, encoding="latin-1")

        result = shell.run("validate", NOBODY, "--rules", "rules.json")

        assert (result.exit_code, api.requests) == (2, [])
        assert "rules.json" in result.stderr

    def test_names_the_file_that_is_not_there(self, shell: Shell) -> None:
        result = shell.run("validate", NOBODY, "--rules", "rules.json")

        assert result.exit_code == 1
        assert "rules.json: No such file or directory." in result.stderr

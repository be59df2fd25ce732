import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from crawlset_client.laptop import LaptopError
from tests.unit.client.conftest import FakeLaptop, Shell
from tests.unit.client.fake_answers import API_KEY, API_URL, new_image
from tests.unit.client.fake_api import FakeApi

NO_SETTINGS = {"CRAWLSET_API_URL": None, "CRAWLSET_API_KEY": None}


def nobody_answers(api: FakeApi) -> None:
    api.next_answers = [httpx.ConnectError("refused")]


class TestUp:
    def test_shows_each_step_and_where_everything_is(self, shell: Shell, tmp_path: Path) -> None:
        result = shell.run("up")

        assert result.exit_code == 0
        assert [line.split()[0] for line in result.stderr.splitlines()[:3]] == ["✓"] * 3
        for text in (API_URL, API_KEY, str(tmp_path / ".crawlset" / "profile.json")):
            assert text in result.stdout

    def test_prints_json_once_it_is_ready(self, shell: Shell) -> None:
        document = shell.json("up", "--home", "/data")

        assert document == {
            "api_url": API_URL,
            "api_key": API_KEY,
            "profile": "/data/profile.json",
        }

    @pytest.mark.parametrize(
        "options",
        [
            ("--port", "8490"),
            ("--private-host", "nonsense"),
            ("--private-host", "a:b"),
            ("--owned-host", "a.test:80"),
            ("--towers", "no-such-folder"),
        ],
    )
    def test_starts_nothing_with_options_that_make_no_sense(
        self, laptop: FakeLaptop, shell: Shell, options: tuple[str, ...]
    ) -> None:
        result = shell.run("up", *options)

        assert result.exit_code == 2
        assert laptop.clouds == []

    def test_brings_towers_from_a_folder(
        self, laptop: FakeLaptop, shell: Shell, tmp_path: Path
    ) -> None:
        shell.run("up", "--towers", str(tmp_path))

        assert [cloud.options.towers for cloud in laptop.clouds] == [tmp_path]

    def test_hands_on_its_options(self, laptop: FakeLaptop, shell: Shell) -> None:
        shell.run(
            *("up", "--port", "1", "--emulator-port", "2", "--postgres-port", "3"),
            *("--sample-port", "4", "--home", "there"),
            DATABASE_URL="postgresql://mine",
        )

        options = laptop.clouds[0].options
        ports = (options.port, options.emulator_port, options.postgres_port, options.sample_port)
        assert ports == (1, 2, 3, 4)
        assert (options.home, options.database_url) == (Path.cwd() / "there", "postgresql://mine")

    def test_says_why_it_does_not_start(self, laptop: FakeLaptop, shell: Shell) -> None:
        laptop.failure = LaptopError("PortBusyError", "Port 8480 is in use; use --port.")

        result = shell.run("up")

        assert result.exit_code == 1
        assert result.stderr == "error: Port 8480 is in use; use --port. (PortBusyError)\n"


def measured(keyword: str, share: float, name: str, **measures: float) -> dict[str, Any]:
    """What an image has that was measured: measures, and the likeliest class with its share."""
    known: dict[str, Any] = {
        "version": "1",
        "measures": measures,
        "details": {"classes": [[name, share]]},
    }
    if "class_probability" in measures:
        known["details"] |= {"noun": keyword, "n_classes": 13}
    return {"keyword": keyword, "measurements": {"relevance": known}}


class TestDemo:
    def test_runs_the_main_job(self, api: FakeApi, shell: Shell, tmp_path: Path) -> None:
        result = shell.run("demo")

        assert result.exit_code == 0
        sent = api.sent("POST", "/crawl-jobs")
        assert (sent["keywords"], sent["sources"]) == (["cat", "coffee", "rocket"], ["sample"])
        (validation_id,) = api.validations
        assert api.sent("POST", "/export-jobs")["validation_job_id"] == validation_id
        assert (tmp_path / "datasets/demo-1/train/cat/a.jpg").is_file()

    def test_prints_outcomes_balance_and_dataset(self, shell: Shell, tmp_path: Path) -> None:
        result = shell.run("demo")

        assert "refused_robots" in result.stdout
        balance = "candidates 10 = stored 6 + duplicate 1 + rejected 1 + refused 1 + failed 1"
        assert f"✓ {balance}" in result.stdout
        assert f"5 images in {tmp_path / 'datasets/demo-1'}" in result.stdout
        assert "rocket" in result.stdout

    def test_numbers_its_datasets(self, shell: Shell, tmp_path: Path) -> None:
        for _ in range(2):
            shell.run("demo")

        assert {path.name for path in (tmp_path / "datasets").iterdir()} == {"demo-1", "demo-2"}

    def test_asks_for_relevance_beside_the_rules_of_the_service(
        self, api: FakeApi, shell: Shell
    ) -> None:
        shell.run("demo")

        assert api.sent("POST", "/validation-jobs") == {
            "validation_rules": {"measurers": ["relevance"]}
        }

    def test_prints_relevance_per_keyword(self, api: FakeApi, shell: Shell) -> None:
        api.images = [
            new_image(1) | measured("cat", 0.9, "tabby", class_probability=0.9, nearness=0.5),
            new_image(2) | measured("cat", 0.9, "tabby", class_probability=0.7, nearness=0.7),
            new_image(3) | measured("cat", 0.3, "sock", class_probability=0.1, nearness=0.3),
            new_image(4) | measured("sunset", 0.2, "lakeside", nearness=0.4),
            new_image(5) | {"keyword": "cat", "measurements": None},
        ]

        result = shell.run("demo")
        lines = [line.split() for line in result.stdout.splitlines()]

        assert ["cat", "3", "0.700", "0.500", "-", "tabby", "cat", "(13)"] in lines
        assert ["sunset", "1", "-", "0.400", "-", "lakeside", "-"] in lines

    def test_says_why_relevance_was_not_measured(self, api: FakeApi, shell: Shell) -> None:
        failed = {"version": "1", "error": "The model is missing: install it with `make models`."}
        api.images = [new_image(1) | {"measurements": {"relevance": failed}}]

        result = shell.run("demo")

        assert result.exit_code == 0
        assert f"relevance not measured: {failed['error']}" in result.stdout

    def test_prints_one_document(self, shell: Shell) -> None:
        document = shell.json("demo")

        assert all(check["holds"] for check in document["checks"])
        assert document["n_images"] == 5
        assert document["splits"]["train"] == {"cat": 1, "coffee": 1, "rocket": 1}

    def test_uses_what_answers_already(self, laptop: FakeLaptop, shell: Shell) -> None:
        shell.run("demo")

        assert laptop.clouds == []

    def test_starts_a_cloud_and_stops_it(
        self, api: FakeApi, laptop: FakeLaptop, shell: Shell
    ) -> None:
        nobody_answers(api)

        result = shell.run("demo", **NO_SETTINGS)

        assert result.exit_code == 0
        assert [(cloud.is_up, cloud.n_stops) for cloud in laptop.clouds] == [(False, 1)]

    def test_stops_its_cloud_when_a_step_fails(
        self, api: FakeApi, laptop: FakeLaptop, shell: Shell
    ) -> None:
        nobody_answers(api)
        api.end_status = "failed"

        result = shell.run("demo", **NO_SETTINGS)

        assert result.exit_code == 5
        assert laptop.clouds[0].n_stops == 1

    def test_starts_nothing_in_place_of_a_given_address(
        self, api: FakeApi, laptop: FakeLaptop, shell: Shell
    ) -> None:
        nobody_answers(api)

        result = shell.run("demo")

        assert (result.exit_code, laptop.clouds) == (3, [])
        assert f"Nothing answers at {API_URL}" in result.stderr

    def test_asks_the_profile_of_its_home(
        self, api: FakeApi, laptop: FakeLaptop, shell: Shell, tmp_path: Path
    ) -> None:
        (tmp_path / "there").mkdir()
        profile = {"api_url": API_URL, "api_key": API_KEY}
        (tmp_path / "there/profile.json").write_text(json.dumps(profile))
        (tmp_path / "there/profile.json").chmod(0o600)

        result = shell.run("demo", "--home", "there", "--port", "1", **NO_SETTINGS)

        assert (result.exit_code, laptop.clouds) == (0, [])
        assert {request.url.host for request in api.requests} == {"api.test", "store.test"}

    def test_asks_at_the_port_it_is_told(self, api: FakeApi, shell: Shell) -> None:
        nobody_answers(api)

        shell.run("demo", "--port", "9999", **NO_SETTINGS)

        assert str(api.requests[0].url) == "http://127.0.0.1:9999/api/health"

    def test_is_not_for_the_service_of_the_users_own_file(
        self, api: FakeApi, laptop: FakeLaptop, shell: Shell, tmp_path: Path
    ) -> None:
        file = tmp_path / "config/crawlset/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text('api_url = "https://remote.test"\napi_key = "cs_remote"\n')
        file.chmod(0o600)
        nobody_answers(api)

        result = shell.run("demo", **NO_SETTINGS)

        assert (result.exit_code, len(laptop.clouds)) == (0, 1)
        assert {request.url.host for request in api.requests} <= {
            "127.0.0.1",
            "api.test",
            "store.test",
        }
        assert not any("cs_remote" in str(request.headers) for request in api.requests)

    def test_needs_the_key_of_what_answers(self, shell: Shell) -> None:
        result = shell.run("demo", **NO_SETTINGS)

        assert result.exit_code == 1
        assert "there is no key for it here" in result.stderr


class TestDemoThatDoesNotAddUp:
    def lose_a_candidate(self, api: FakeApi) -> None:
        api.progress["candidates"] += 1

    def leave_one_pending(self, api: FakeApi) -> None:
        api.progress |= {"stored": 5, "pending": 1}

    def lose_a_line_of_the_manifest(self, api: FakeApi) -> None:
        lines = api.files["manifest.jsonl"].splitlines(keepends=True)
        api.files["manifest.jsonl"] = b"".join(lines[:-1])

    def list_another_outcome(self, api: FakeApi) -> None:
        manifest = api.files["manifest.jsonl"]
        api.files["manifest.jsonl"] = manifest.replace(b"stored", b"http_404", 1)

    def judge_too_few(self, api: FakeApi) -> None:
        api.counts |= {"kept": 5, "rejected": 0}

    def keep_more_than_is_exported(self, api: FakeApi) -> None:
        api.counts |= {"kept": 6, "rejected": 0}

    @pytest.mark.parametrize(
        "spoil",
        [
            lose_a_candidate,
            leave_one_pending,
            lose_a_line_of_the_manifest,
            list_another_outcome,
            judge_too_few,
            keep_more_than_is_exported,
        ],
    )
    def test_fails_and_says_so(self, api: FakeApi, shell: Shell, spoil: object) -> None:
        spoil(self, api)  # type: ignore[operator]

        result = shell.run("demo")

        assert result.exit_code == 6
        assert "✗" in result.stdout
        assert "It does not add up" in result.stderr.splitlines()[-1]

    def test_is_one_document_in_json(self, api: FakeApi, shell: Shell) -> None:
        self.lose_a_candidate(api)

        result = shell.run("demo", "--json")

        document = json.loads(result.stdout)
        assert result.exit_code == 6
        assert document["error"]["code"] == "DoesNotAddUpError"
        assert not all(check["holds"] for check in document["checks"])

    def test_finds_nothing_to_be_too_little(self, api: FakeApi, shell: Shell) -> None:
        api.progress = dict.fromkeys(api.progress, 0)

        assert shell.run("demo").exit_code == 6

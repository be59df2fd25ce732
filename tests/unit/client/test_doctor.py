from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest

from crawlset_client.cli import diagnosis
from crawlset_client.doctor import machine
from crawlset_client.doctor.findings import Finding, State, examine, ok
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import API_URL
from tests.unit.client.fake_api import FakeApi


@pytest.fixture(autouse=True)
def _nothing_of_this_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the laptop's checks find is of the machine that tests; they have tests of their own."""
    monkeypatch.setattr(diagnosis, "_laptop_checks", dict)


def diagnose(shell: Shell, **env: str | None) -> dict[str, dict[str, Any]]:
    """Findings by name; of several the last."""
    return {finding["name"]: finding for finding in shell.json("doctor", **env)["findings"]}


class TestDoctor:
    def test_is_content_with_a_service_that_answers(self, shell: Shell) -> None:
        result = shell.run("doctor")

        assert result.exit_code == 0
        assert f"{API_URL}, Crawlset 0.1.0" in result.stdout
        assert "✓ API key" in result.stdout
        assert "✗" not in result.stdout

    def test_says_how_to_mend_what_is_wrong_and_fails(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [httpx.ConnectError("refused")]

        result = shell.run("doctor")

        lines = result.stdout.splitlines()
        (place,) = [n for n, line in enumerate(lines) if line.startswith("✗")]
        assert result.exit_code == 1
        assert "nothing answers at" in lines[place]
        assert lines[place + 1].strip().startswith("→")

    def test_only_warns_where_a_cloud_of_ones_own_is_not_started(
        self, api: FakeApi, shell: Shell
    ) -> None:
        api.next_answers = [httpx.ConnectError("refused")]

        service = diagnose(shell, CRAWLSET_API_URL=None)["service"]

        assert service["state"] == "warning"
        assert "crawlset up" in service["mend"]

    def test_tells_broken_settings_and_goes_on(self, shell: Shell) -> None:
        findings = diagnose(shell, CRAWLSET_API_URL="nonsense")

        assert findings["settings"]["state"] == "wrong"
        assert findings["Python"]
        assert "service" not in findings


class TestService:
    def test_that_is_another_is_told(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [httpx.Response(200, text="<html>It works!</html>")]

        service = diagnose(shell)["service"]

        assert (service["state"], "not as Crawlset does" in service["found"]) == ("wrong", True)

    @pytest.mark.parametrize("version", ["0.0.9", None])
    def test_of_another_version_is_told(
        self, api: FakeApi, shell: Shell, version: str | None
    ) -> None:
        api.next_answers = [httpx.Response(200, json={"status": "ok", "version": version})]

        service = diagnose(shell)["service"]

        assert service["state"] == "warning"
        assert "The client is 0.1.0" in service["mend"]

    @pytest.mark.parametrize(("seconds", "state"), [(2, "ok"), (100, "warning"), (-900, "wrong")])
    def test_with_another_time_is_told(
        self, api: FakeApi, shell: Shell, seconds: int, state: str
    ) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        health = {"status": "ok", "version": "0.1.0"}
        api.next_answers = [httpx.Response(200, json=health, headers={"date": date})]

        assert diagnose(shell)["clock"]["state"] == state

    def test_names_the_certificates_that_are_missing(self, api: FakeApi, shell: Shell) -> None:
        api.next_answers = [httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")]

        assert "SSL_CERT_FILE" in diagnose(shell)["service"]["mend"]

    @pytest.mark.parametrize("key", [None, "cs_wrong"])
    def test_wants_a_key_that_it_knows(self, shell: Shell, key: str | None) -> None:
        found = diagnose(shell, CRAWLSET_API_KEY=key)["API key"]

        assert found["state"] == "wrong"
        assert found["mend"]

    def test_tells_which_sources_may_be_asked(self, shell: Shell) -> None:
        found = diagnose(shell)["sources"]

        assert found["found"] == "1 of 2 may be asked: sample"
        assert "secrets.toml" in found["mend"]


class TestMachine:
    @pytest.mark.parametrize(
        ("version", "state"),
        [((3, 11), "warning"), ((3, 12), "ok"), ((3, 14), "ok"), ((3, 15), "warning")],
    )
    def test_is_told_of_a_python_nobody_promised(
        self, version: tuple[int, int], state: str
    ) -> None:
        found = [f for f in machine.check_versions(version) if f.name == "Python"]

        assert [finding.state for finding in found] == [state]

    def test_is_told_of_a_package_that_is_missing(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = metadata.version

        def version(name: str) -> str:
            if name in {"msgspec", "boto3", "huggingface-hub"}:
                raise metadata.PackageNotFoundError(name)
            return real(name)

        monkeypatch.setattr(metadata, "version", version)
        document = shell.json("doctor")

        wrong = [finding for finding in document["findings"] if finding["state"] == "wrong"]
        assert [(finding["found"], finding["mend"]) for finding in wrong] == [
            ("msgspec is not installed", "pip install msgspec")
        ]
        assert document["ok"] is False
        by_name = {finding["name"]: finding for finding in document["findings"]}
        assert by_name["[local]"]["mend"] == "pip install 'crawlset[local]'"
        assert "boto3" in by_name["[local]"]["found"]
        assert by_name["[hub]"]["state"] == "ok"
        assert "only `crawlset export --push-to-hub` needs it" in by_name["[hub]"]["found"]

    def test_shows_no_password_of_a_proxy(self, shell: Shell) -> None:
        result = shell.run("doctor", HTTPS_PROXY="http://me:secret@proxy.test:3128")

        assert "http://***@proxy.test:3128" in result.stdout
        assert "secret@" not in result.stdout

    def test_names_certificates_that_are_not_there(self, shell: Shell, tmp_path: Path) -> None:
        found = diagnose(shell, SSL_CERT_FILE=str(tmp_path / "none.pem"), SSL_CERT_DIR=None)

        assert found["certificates"]["state"] == "wrong"

    def test_says_which_variable_names_certificates(self, shell: Shell) -> None:
        unset = {"SSL_CERT_FILE": None, "SSL_CERT_DIR": None}

        found = diagnose(shell, REQUESTS_CA_BUNDLE="/etc/ca.pem", **unset)["certificates"]

        assert (found["state"], "SSL_CERT_FILE" in found["mend"]) == ("warning", True)


def test_no_check_keeps_another_back() -> None:
    def broken() -> list[Finding]:
        raise RuntimeError("a\nb")

    checks: dict[str, Callable[[], list[Finding]]] = {
        "broken": broken,
        "other": lambda: [ok("other", "fine")],
    }

    first, second = examine(checks)

    assert (first.name, first.state) == ("broken", State.warning)
    assert first.found == "cannot be checked: RuntimeError: a b"
    assert second.state is State.ok

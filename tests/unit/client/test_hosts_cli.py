import json
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import NOW, not_found, page
from tests.unit.client.fake_api import FakeApi

HOST = "images.example.org"
TOKEN = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"
UNKNOWN = dict.fromkeys(("checked_at", "detail", "proven_until", "next_check_at"))


@dataclass
class FakeHosts(FakeApi):
    """The fake service with proofs of hosts, whose checks have found something when looked at."""

    proofs: dict[str, dict[str, Any]] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=lambda: {"status": "proven", "proven_until": NOW})

    def answer(self, request: httpx.Request) -> httpx.Response:
        match = re.fullmatch(r"/api/host-proofs(?:/([^/]+))?(/check)?", request.url.path)
        if match is None:
            return super().answer(request)
        request.read()
        self.requests.append(request)
        id_, is_check = match.groups()
        if id_ is None:
            return self._answer_all(request)
        if id_ not in self.proofs:
            return not_found("host proof", id_)
        if request.method == "DELETE":
            del self.proofs[id_]
            return httpx.Response(204)
        return self._answer_one(self.proofs[id_], is_check=is_check is not None)

    def _answer_all(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, json=self.add(**json.loads(request.content)))
        return page(request, [*self.proofs.values()][::-1])

    def _answer_one(self, proof: dict[str, Any], *, is_check: bool) -> httpx.Response:
        if is_check:
            proof |= {"status": "checking", "next_check_at": NOW}
            return httpx.Response(202, json=proof)
        if proof["status"] == "checking":
            proof |= self.found | {"checked_at": NOW}
        return httpx.Response(200, json=proof)

    def add(self, host: str) -> dict[str, Any]:
        id_ = str(uuid4())
        self.proofs[id_] = {
            "id": id_,
            "host": host,
            "status": "pending",
            "token": TOKEN,
            "path": f"/.well-known/crawlset/{id_}",
            "created_at": NOW,
            "updated_at": NOW,
            **UNKNOWN,
        }
        return self.proofs[id_]


@pytest.fixture
def api() -> FakeHosts:
    return FakeHosts()


@pytest.fixture
def proof(api: FakeHosts) -> str:
    return str(api.add(HOST)["id"])


class TestHosts:
    def test_print_the_token_alone_on_standard_output(self, api: FakeHosts, shell: Shell) -> None:
        result = shell.run("hosts", "prove", HOST)

        assert result.stdout == f"{TOKEN}\n"
        assert api.sent("POST", "/host-proofs") == {"host": HOST}
        assert next(iter(api.proofs.values()))["path"] in result.stderr
        assert f"crawlset hosts check {HOST}" in result.stderr

    def test_wait_for_what_a_check_finds(self, shell: Shell, proof: str) -> None:
        result = shell.run("hosts", "check", HOST)

        assert result.exit_code == 0
        assert re.search(rf"{re.escape(HOST)} +proven until", result.stdout)

    def test_fail_if_a_check_does(self, api: FakeHosts, shell: Shell, proof: str) -> None:
        api.found = {"status": "failed", "detail": "HTTP 404"}

        result = shell.run("hosts", "check", HOST)

        assert result.exit_code == 1
        assert re.search(rf"{re.escape(HOST)} +failed .* HTTP 404", result.stdout)

    @pytest.mark.parametrize("spelling", ["Images.Example.org", "images.example.org."])
    def test_are_named_in_any_spelling(self, shell: Shell, proof: str, spelling: str) -> None:
        assert shell.json("hosts", "check", spelling, "--no-watch")["id"] == proof

    def test_of_other_alphabets_are_named_as_they_are_read(
        self, api: FakeHosts, shell: Shell
    ) -> None:
        named = api.add("xn--bcher-kva.example")["id"]

        assert shell.json("hosts", "check", "Bücher.example", "--no-watch")["id"] == named

    def test_need_not_wait(self, shell: Shell, proof: str) -> None:
        assert shell.json("hosts", "check", HOST, "--no-watch")["status"] == "checking"

    def test_are_listed(self, shell: Shell, proof: str) -> None:
        assert re.search(rf"{re.escape(HOST)} +pending", shell.run("hosts", "list").stdout)

    def test_are_deleted(self, api: FakeHosts, shell: Shell, proof: str) -> None:
        asked = shell.run("hosts", "delete", HOST)

        assert (asked.exit_code, f"the proof of {HOST} for good." in asked.stderr) == (2, True)
        assert shell.json("hosts", "delete", HOST, "--yes") == {"deleted": proof}
        assert api.proofs == {}

    def test_that_nobody_named_are_told_how(self, shell: Shell) -> None:
        result = shell.run("hosts", "check", HOST)

        assert (result.exit_code, f"crawlset hosts prove {HOST}" in result.stderr) == (2, True)

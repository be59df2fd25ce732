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

SUMMARY = {
    "section_2_3": {
        "crawlers": [
            {"name": "Crawlset", "version": "0.1.0", "user_agent": "Crawlset/0.1 (+a@b.test)"}
        ],
        "purposes": ["research"],
        "behaviour": ["Names itself."],
        "period": {"first": "2026-03-01T12:00:00Z", "last": "2026-03-02T12:00:00Z"},
        "sources": {"gbif": 2},
        "content": {"jpeg": 2},
        "licences": {"cc0-1.0": 2},
        "n_images": 2,
        "bytes": 5000,
        "n_domains": 1,
        "listed_share": "top 10 %",
        "domains": [{"domain": "example.org", "n_images": 2, "bytes": 5000}],
    },
    "section_3_1": {
        "n_jobs": 2,
        "measures": [{"signal": "robots.txt", "standard": "RFC 9309", "n_jobs": 1}],
        "refused": {"refused_noai": 3},
        "n_takedowns": 1,
        "n_taken_down": 4,
    },
}
LATER = "2026-03-02T12:00:00Z"
PREVIEW = {
    "n_images": 1234,
    "n_stored": 1000,
    "n_bytes": 5_000_000,
    "n_jobs": 3,
    "n_exports": 1,
    "exports": [{"export_job_id": "e-1", "crawl_job_id": "j-1", "n_images": 2}],
    "removes_at": LATER,
}
PROVENANCE: dict[str, Any] = {
    "found": {
        "url": "https://a.test/x.jpg",
        "landing_url": None,
        "source": "gbif",
        "rank": 3,
        "query": "cat",
    },
    "rights": {
        "licence": "cc0-1.0",
        "licence_raw": "CC0",
        "creator": "Ida \x1b[31m",
        "attribution": None,
        "embedded": {"creator": "Bob \u202e", "make": None, "latitude": 48.85},
    },
    "decision": {"status": "refused", "outcome": "refused_noai", "rule": "X-Robots-Tag: noai"},
    "fetch": {"at": NOW, "address": "192.0.2.1", "sha256": None},
    "signals": [
        {"signal": "X-Robots-Tag", "rule": "noai", "sha256": "aa", "at": NOW, "is_refusal": True}
    ],
}


@dataclass
class FakeLedger(FakeApi):
    """
    The fake service with takedowns; each has moved on when it is asked about for the second time.
    """

    takedowns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: httpx.Request) -> httpx.Response:
        match = re.fullmatch(
            r"/api/projects/[^/]+(?:/(takedowns|summary)(?:/([^/]+)(?:/revoke)?)?|.*/images/7/(provenance))",
            request.url.path,
        )
        if match is None:
            return super().answer(request)
        request.read()
        self.requests.append(request)
        kind, id_, is_provenance = match.groups()
        if is_provenance or kind == "summary":
            return httpx.Response(200, json=PROVENANCE if is_provenance else SUMMARY)
        if id_ is None and request.method == "GET":
            return page(request, [*self.takedowns.values()][::-1])
        if id_ is None:
            return self.create(json.loads(request.content))
        if id_ == "preview":
            return httpx.Response(200, json=PREVIEW)
        return self.show(request, id_)

    def create(self, asked: dict[str, Any]) -> httpx.Response:
        is_at_once = asked.get("grace_hours") == 0
        made = {"id": str(uuid4()), "status": "pending", "exports": [], "created_at": NOW}
        made |= {"then": "completed" if is_at_once else "hidden", "value": "-"}
        made |= {"removes_at": NOW if is_at_once else LATER} | asked
        self.takedowns[str(made["id"])] = made
        return httpx.Response(201, json=made)

    def show(self, request: httpx.Request, id_: str) -> httpx.Response:
        if id_ not in self.takedowns:
            return not_found("takedown", id_)
        exports = [{"export_job_id": "e-1", "crawl_job_id": "j-1", "n_images": 2}]
        moved = {"status": self.takedowns[id_]["then"], "n_images": 2, "n_exports": 1}
        if request.url.path.endswith("/revoke"):
            moved = {"status": "revoking", "then": "revoked"}
        self.takedowns[id_] |= moved | {"exports": exports}
        return httpx.Response(200, json=self.takedowns[id_])


@pytest.fixture
def api() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def project(shell: Shell) -> str:
    return str(shell.json("projects", "create", "cats")["id"])


class TestTakedowns:
    @pytest.mark.parametrize(
        ("options", "body"),
        [
            (["--url", "https://a.test/x"], {"kind": "url", "value": "https://a.test/x"}),
            (["--host", "a.test"], {"kind": "host", "value": "a.test"}),
            (
                ["--creator", "Ida", "--reason", "asked"],
                {"kind": "creator", "value": "Ida", "reason": "asked"},
            ),
            (["--look-alike", "12"], {"kind": "look_alike", "image_id": 12}),
            (
                ["--look-alike", "0123456789012345", "--max-distance", "4"],
                {"kind": "look_alike", "value": "0123456789012345", "max_distance": 4},
            ),
        ],
    )
    def test_say_what_is_meant(
        self, api: FakeLedger, shell: Shell, project: str, options: list[str], body: dict[str, Any]
    ) -> None:
        shell.json("takedowns", "create", project, *options, "--yes")

        assert api.sent("POST", "/takedowns") == body
        shown = {name: value for name, value in body.items() if name != "reason"}
        assert api.sent("POST", "/takedowns/preview") == shown

    def test_show_what_they_would_do_and_want_a_yes(
        self, api: FakeLedger, shell: Shell, project: str
    ) -> None:
        result = shell.run("takedowns", "create", project, "--host", "a.test")

        assert result.exit_code == 2
        assert "1,234 images in 3 crawl jobs" in result.stderr
        assert "1,000 of them stored (5.0 MB)" in result.stderr
        assert "export e-1 of crawl job j-1: 2 images" in result.stderr
        assert "at 2026-03-02 12:00 UTC; until then it can be revoked" in result.stderr
        assert "give --yes" in result.stderr
        assert api.takedowns == {}

    @pytest.mark.parametrize(("answer", "n_made"), [("y", 1), ("n", 0), ("", 0)])
    def test_ask_at_a_terminal(
        self, api: FakeLedger, shell: Shell, project: str, answer: str, n_made: int
    ) -> None:
        result = shell.answer(answer, "takedowns", "create", project, "--host", "a.test")

        assert "Take them down? [y/N]" in result.stderr
        assert len(api.takedowns) == n_made

    def test_wait_until_hidden_and_say_how_to_take_it_back(
        self, api: FakeLedger, shell: Shell, project: str
    ) -> None:
        result = shell.run("takedowns", "create", project, "--host", "a.test", "--yes")

        ((id_, made),) = api.takedowns.items()
        assert "grace_hours" not in made
        assert re.search(r"host +a\.test +hidden until 2026-03-02 12:00 UTC +2 +1", result.stdout)
        assert re.search(r"e-1 +j-1 +2", result.stdout)
        assert f"crawlset takedowns revoke {project} {id_}" in result.stdout

    def test_remove_at_once_on_request(self, api: FakeLedger, shell: Shell, project: str) -> None:
        result = shell.run("takedowns", "create", project, "--host", "a.test", "--now", "-y")

        assert api.sent("POST", "/takedowns")["grace_hours"] == 0
        assert "cannot be revoked" in result.stderr
        assert re.search(r"host +a\.test +completed +2 +1", result.stdout)
        assert "takedowns revoke" not in result.stdout

    def test_do_not_wait_when_told_so(self, shell: Shell, project: str) -> None:
        made = shell.json("takedowns", "create", project, "--host", "a.test", "--no-watch", "-y")

        assert made["status"] == "pending"

    def test_are_revoked(self, shell: Shell, project: str) -> None:
        made = shell.json("takedowns", "create", project, "--host", "a.test", "--yes")

        result = shell.run("takedowns", "revoke", project, made["id"])

        assert result.exit_code == 0
        assert re.search(r"host +a\.test +revoked +2", result.stdout)

    @pytest.mark.parametrize("options", [[], ["--url", "https://a.test/", "--host", "a.test"]])
    def test_want_one_thing(self, shell: Shell, project: str, options: list[str]) -> None:
        result = shell.run("takedowns", "create", project, *options)

        assert result.exit_code == 2
        assert "Give one of --url" in result.stderr

    def test_are_listed_and_shown(self, shell: Shell, project: str) -> None:
        made = shell.json("takedowns", "create", project, "--host", "a.test", "--yes")

        listed = shell.run("takedowns", "list", project).stdout
        assert made["id"] in listed
        assert "hidden until 2026-03-02 12:00 UTC" in listed
        shown = shell.json("takedowns", "show", project, made["id"])
        assert (shown["n_images"], shown["removes_at"]) == (2, LATER)


class TestSummary:
    def test_is_markdown(self, api: FakeLedger, shell: Shell, project: str) -> None:
        lines = shell.run("summary", project, "--sme").stdout.splitlines()

        assert lines[0] == "## 2.3 Data crawled and scraped from online sources"
        assert "| example.org | 2 | 5,000 |" in lines
        assert "| robots.txt | RFC 9309 | 1 of 2 |" in lines
        assert "- Candidates refused: refused_noai 3" in lines
        assert api.requests[-1].url.params["provider_size"] == "sme"

    def test_is_a_document_on_request(self, shell: Shell, project: str) -> None:
        assert shell.json("summary", project) == SUMMARY


class TestProvenance:
    def test_tells_what_decided_and_by_which_proof(self, shell: Shell, project: str) -> None:
        job = shell.json("crawl", "cat", "--source", "sample", "--project", project, "--no-watch")

        out = shell.run("provenance", job["id"], "7", "--project", project).stdout

        assert "decided by   X-Robots-Tag: noai" in out
        assert "signal       X-Robots-Tag refuses: noai (sha256 aa)" in out
        assert "file says    creator: Bob" in out
        assert "file says    latitude: 48.85\n" in out
        assert "make" not in out
        assert not {"\x1b", "\u202e"} & {*out}

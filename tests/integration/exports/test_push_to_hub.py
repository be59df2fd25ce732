"""`crawlset export --push-to-hub` through huggingface_hub, to a small Hub in its wire shape."""

import base64
import hashlib
import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from crawlset_client.errors import (
    HubError,
    HubNameError,
    HubNotReachedError,
    HubSignInError,
    MissingPartError,
)
from crawlset_client.hub import check, push
from crawlset_client.placing import MARKER, Written, write_marker

# huggingface_hub's own way of calling its HTTP library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")

REPOSITORY = "ann/cats"
COMMIT = "0" * 40


@dataclass
class Hub:
    """What was made and sent."""

    url: str = ""
    repositories: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str | None] = field(default_factory=set)
    refusal: int | None = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self.hub.tokens.add(self.headers["authorization"])
        path = self.path.partition("?")[0]
        if self.hub.refusal is not None:
            self._answer({"error": "You may not."}, self.hub.refusal)
        elif path == "/api/repos/create":
            self.hub.repositories.append(json.loads(body))
            self._answer({"url": f"{self.hub.url}/datasets/{REPOSITORY}", "name": REPOSITORY})
        elif path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif path == f"/api/datasets/{REPOSITORY}/preupload/main":
            self._answer({"files": [self._mode(file) for file in json.loads(body)["files"]]})
        elif path == f"/datasets/{REPOSITORY}.git/info/lfs/objects/batch":
            self._answer({"transfer": "basic", "objects": self._actions(json.loads(body))})
        elif path == f"/api/datasets/{REPOSITORY}/commit/main":
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._answer({"error": f"no such path {path}"}, 404)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert hashlib.sha256(body).hexdigest() == self.path.rpartition("/")[2]
        self.hub.objects[self.path.rpartition("/")[2]] = body
        self._answer({})

    def do_GET(self) -> None:
        if self.path != "/api/whoami-v2":
            self._answer({"error": "Not found"}, 404)
        elif self.hub.refusal is not None:
            self._answer({"error": "You may not."}, self.hub.refusal)
        else:
            self._answer({"type": "user", "name": "ann", "orgs": []})

    def log_message(self, *_: object) -> None:
        pass

    def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
        is_large = file["path"].endswith((".jpg", ".parquet"))
        mode = "lfs" if is_large else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None}

    def _actions(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            one | {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            for one in batch["objects"]
        ]

    def _commit(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.hub.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.hub.files[value["path"]] = self.hub.objects[value["oid"]]
        url = f"{self.hub.url}/datasets/{REPOSITORY}/commit/{COMMIT}"
        self._answer({"success": True, "commitOid": COMMIT, "commitUrl": url})

    def _answer(self, document: Any, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    Handler.hub = Hub()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        Handler.hub.url = f"http://127.0.0.1:{server.server_port}"
        # The library reads its environment once, when it is imported.
        monkeypatch.setattr(constants, "ENDPOINT", Handler.hub.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        yield Handler.hub
        server.shutdown()
        thread.join()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    files = {
        "train/cat/a.jpg": b"\xff\xd8" + bytes(range(256)) * 100,
        "data/train-00000-of-00001.parquet": b"PAR1" * 1000,
        "README.md": b"---\nlicense: [cc-by-4.0]\n---\n# Cats\n",
        "manifest.jsonl": b'{"url": "https://example.org"}\n',
    }
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    written = [
        Written(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in files.items()
    ]
    write_marker(tmp_path, {}, written)
    return tmp_path


class TestPush:
    @pytest.mark.parametrize("is_private", [True, False])
    def test_sends_every_file_to_a_dataset_repository(
        self, hub: Hub, dataset: Path, is_private: bool
    ) -> None:
        address = push(dataset, REPOSITORY, is_private=is_private)

        assert address == f"{hub.url}/datasets/{REPOSITORY}"
        (made,) = hub.repositories
        visibility = "private" if is_private else "public"
        assert (made["type"], made["visibility"]) == ("dataset", visibility)
        assert hub.files == {
            str(path.relative_to(dataset)): path.read_bytes()
            for path in dataset.rglob("*")
            if path.is_file() and path.name != MARKER
        }
        assert hub.tokens == {"Bearer hf_secret"}

    def test_sends_nothing_that_the_export_did_not_write(self, hub: Hub, dataset: Path) -> None:
        (dataset / "[my] thesis.txt").write_text("years of work")
        (dataset / "train/cat/b.jpg").write_bytes(b"mine")

        push(dataset, REPOSITORY)

        assert not {"[my] thesis.txt", "train/cat/b.jpg", MARKER} & set(hub.files)
        assert len(hub.files) == 4

    def test_says_what_the_hub_refuses_and_how_to_go_on(self, hub: Hub, dataset: Path) -> None:
        hub.refusal = 403

        with pytest.raises(HubError) as raised:
            push(dataset, REPOSITORY)

        assert re.match(r"ann/cats was not uploaded: .*You may not", str(raised.value))
        assert (
            f"The dataset is complete at {dataset}; push it alone with `hf upload ann/cats"
            f" {dataset} . --repo-type dataset --private --exclude .crawlset-export.json`."
        ) in str(raised.value)
        assert hub.files == {}

    def test_says_in_a_line_that_nothing_answers(
        self, hub: Hub, dataset: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", nowhere())

        with pytest.raises(HubError) as raised:
            push(dataset, REPOSITORY)

        assert "\n" not in str(raised.value)
        assert "push it alone" in str(raised.value)


class TestCheck:
    def test_lets_pass_who_is_signed_in(self, hub: Hub) -> None:
        check(REPOSITORY)

        assert hub.repositories == []

    @pytest.mark.parametrize("name", ["cats", "no/such/name", "ann/..", "ann/cats.git", ""])
    def test_refuses_what_is_no_name(self, hub: Hub, name: str) -> None:
        with pytest.raises(HubNameError, match="is no name of a dataset"):
            check(name)

    @pytest.mark.parametrize("status", [401, 403])
    def test_refuses_a_token_that_is_not_accepted(self, hub: Hub, status: int) -> None:
        hub.refusal = status

        with pytest.raises(HubSignInError, match=r"hf auth login"):
            check(REPOSITORY)

    def test_asks_to_sign_in(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("HF_TOKEN")
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))

        with pytest.raises(HubSignInError, match="nobody is signed in"):
            check(REPOSITORY)

    def test_is_not_stopped_by_a_rate_limit(self, hub: Hub) -> None:
        hub.refusal = 429

        check(REPOSITORY)

    @pytest.mark.parametrize("status", [500, 503, None])
    def test_says_in_a_line_that_the_hub_cannot_be_reached(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int | None
    ) -> None:
        hub.refusal = status
        if status is None:
            monkeypatch.setattr(constants, "ENDPOINT", nowhere())

        with pytest.raises(HubNotReachedError, match="cannot be reached") as raised:
            check(REPOSITORY)

        assert "\n" not in str(raised.value)

    def test_names_the_package_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "huggingface_hub", None)

        with pytest.raises(MissingPartError, match=r"pip install 'crawlset\[hub\]'"):
            check(REPOSITORY)


def nowhere() -> str:
    """An address where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"

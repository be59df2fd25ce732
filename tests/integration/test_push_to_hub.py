"""`crawlset export --push-to-hub` through huggingface_hub, to a small Hub in its wire shape."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from crawlset_client.errors import HubError
from crawlset_client.hub import push
from crawlset_client.placing import MARKER

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
        self._answer({"error": "Not found"}, 404)

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
        MARKER: b"{}",
    }
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
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

    def test_says_what_the_hub_refuses(self, hub: Hub, dataset: Path) -> None:
        hub.refusal = 403

        with pytest.raises(HubError, match=r"ann/cats was not uploaded: .*You may not"):
            push(dataset, REPOSITORY)

        assert hub.files == {}

    def test_refuses_what_is_no_name(self, hub: Hub, dataset: Path) -> None:
        with pytest.raises(HubError, match="was not uploaded"):
            push(dataset, "no/such/name")

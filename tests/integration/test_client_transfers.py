import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from crawlset_client.api import Crawlset
from crawlset_client.errors import NotRunningError
from crawlset_client.models import ExportFile

BODY = bytes(range(256)) * 8_192


class Store(BaseHTTPRequestHandler):
    """Hands out one body, and keeps what it is sent."""

    protocol_version = "HTTP/1.1"
    received: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        url = f"http://{self.headers['host']}/u"
        self._answer(json.dumps({"upload_id": "u", "url": url}).encode())

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(BODY)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def store() -> Iterator[str]:
    Store.received = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class TestUpload:
    def test_states_its_length_and_no_key(self, store: str, tmp_path: Path) -> None:
        (tmp_path / "urls.parquet").write_bytes(BODY)

        with Crawlset(store, "cs_secret") as crawlset:
            crawlset.uploads.send("project", tmp_path / "urls.parquet")

        ((headers, body),) = Store.received
        assert body == BODY
        assert headers["content-length"] == str(len(BODY))
        assert not headers.keys() & {"transfer-encoding", "authorization"}


class TestDownload:
    def test_writes_what_was_sent(self, store: str, tmp_path: Path) -> None:
        digest = hashlib.sha256(BODY).hexdigest()
        file = ExportFile(name="a", file_size=len(BODY), sha256=digest, url=f"{store}/a")

        with Crawlset(store, None) as crawlset:
            crawlset.exports.download(file, tmp_path / "a")

        assert (tmp_path / "a").read_bytes() == BODY


class TestConnect:
    def test_says_that_nothing_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with Crawlset(address, "key") as crawlset, pytest.raises(NotRunningError):
                crawlset.get_health()

    def test_asks_this_machine_without_a_proxy(
        self, store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        digest = hashlib.sha256(BODY).hexdigest()
        file = ExportFile(name="a", file_size=len(BODY), sha256=digest, url=f"{store}/a")

        with Crawlset(store, None) as crawlset:
            crawlset.exports.download(file, tmp_path / "a")

        assert (tmp_path / "a").stat().st_size == len(BODY)

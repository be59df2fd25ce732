"""`make audit` asks of everything that is locked whether it has a known vulnerability."""

import json
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from tests.infra.stack import ROOT
from tests.infra.test_dependencies import LOCKS, read_lock


@contextmanager
def advisories(vulnerable: str) -> Iterator[tuple[str, set[str]]]:
    """
    A server that knows of one package with a vulnerability; its address, and what it was asked.

    As https://google.github.io/osv.dev/post-v1-querybatch/ has it: an answer for each query, in
    their order, with ids only; the rest is asked by id.
    """
    asked: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
            asked.update(f"{q['package']['name']}=={q['version']}" for q in queries)
            found = {"vulns": [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z"}]}
            names = [query["package"]["name"] for query in queries]
            self.answer({"results": [found if name == vulnerable else {} for name in names]})

        def do_GET(self) -> None:
            self.answer({"id": "TEST-1", "modified": "2026-01-01T00:00:00Z", "affected": []})

        def answer(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def commands() -> list[list[str]]:
    """What `make audit` runs."""
    told = subprocess.run(
        ["make", "--dry-run", "--silent", "audit"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [shlex.split(line) for line in told.splitlines() if " audit " in line]


def test_asks_for_everything_that_is_locked() -> None:
    with advisories("nothing") as (url, asked):
        for command in commands():
            subprocess.run([*command, "--service-url", url], cwd=ROOT, check=True)

    locked = {f"{p['name']}=={p['version']}" for lock in LOCKS for p in read_lock(lock)}
    assert asked == locked


def test_fails_for_a_vulnerability() -> None:
    with advisories("sqlalchemy") as (url, _):
        status = [
            subprocess.run([*command, "--service-url", url], cwd=ROOT, check=False).returncode
            for command in commands()
        ]

    assert status == [1, 0]

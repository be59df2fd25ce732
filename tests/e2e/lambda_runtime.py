"""
What `sam local invoke` does, without docker: Lambda's own runtime client in front of a function.

A function runs in a process of `awslambdaric`, which takes its invocations from a Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) that is served here.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from crawlset_local.processes import clean_environment
from tests.e2e.http_clients import PATIENCE

PREFIX = "/2018-06-01/runtime/"
SECONDS = 60 * PATIENCE


@dataclass(frozen=True)
class Answer:
    """What the runtime said of an invocation: `response`, `error`, or `init` if it never began."""

    kind: str
    payload: Any


@dataclass
class RuntimeApi:
    """The invocations that wait, and what became of them."""

    arn: str
    waiting: "queue.Queue[tuple[str, bytes]]" = field(default_factory=queue.Queue)
    answers: "queue.Queue[Answer]" = field(default_factory=queue.Queue)

    def invoke(self, event: Any) -> Answer:
        self.waiting.put((str(uuid4()), json.dumps(event).encode()))
        return self.answers.get(timeout=SECONDS)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: RuntimeApi

    def do_GET(self) -> None:
        assert self.path == f"{PREFIX}invocation/next"
        request_id, event = self.api.waiting.get()
        deadline = int((time.time() + SECONDS) * 1000)
        self._answer(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": self.api.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{'0' * 24};Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        _, _, told = self.path.removeprefix(PREFIX).rpartition("/")
        kind = "init" if self.path == f"{PREFIX}init/error" else told
        self._answer(202, b'{"status": "OK"}', {})
        self.api.answers.put(Answer(kind, json.loads(body)))

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@dataclass(frozen=True)
class SamLocal:
    """What infra/sam_local.py has written, as `sam local` reads it."""

    folder: Path

    def event(self, name: str) -> Any:
        return json.loads((self.folder / "events" / f"{name}.json").read_text())

    @contextmanager
    def running(self, function: str) -> Iterator[RuntimeApi]:
        """The function with this logical id, ready to be invoked."""
        template = json.loads((self.folder / "template.json").read_text())
        properties = template["Globals"]["Function"] | template["Resources"][function]["Properties"]
        api = RuntimeApi(f"arn:aws:lambda:us-east-1:000000000000:function:{function}")
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Here", (Handler,), {"api": api}), bind_and_activate=True
        )
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", properties["Handler"]],
            cwd=properties["CodeUri"],
            env=clean_environment(
                AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{server.server_address[1]}",
                AWS_LAMBDA_FUNCTION_NAME=function,
                AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(properties["MemorySize"]),
                AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
                AWS_LAMBDA_LOG_FORMAT="JSON",
                AWS_CONFIG_FILE=os.devnull,
                AWS_SHARED_CREDENTIALS_FILE=os.devnull,
                **self._variables(template, function),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield api
        finally:
            process.kill()
            process.wait()
            server.shutdown()
            server.server_close()

    def _variables(self, template: Any, function: str) -> dict[str, str]:
        """Declared variables alone, blank if nobody says more, as `sam local` hands them over."""
        stated = template["Resources"][function]["Properties"].get("Environment", {})
        declared = {
            **template["Globals"]["Function"]["Environment"]["Variables"],
            **stated.get("Variables", {}),
        }
        overrides = json.loads((self.folder / "env.json").read_text())[function]
        literal = {
            name: value if isinstance(value, str) else "" for name, value in declared.items()
        }
        return literal | {name: overrides[name] for name in declared if name in overrides}

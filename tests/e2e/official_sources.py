"""
The official sources, each in its real shape below a path of its own, and their pictures.

Shapes are those of `source_answers`, which says where they were seen.
"""

import io
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx
from PIL import Image

from tests.unit.sources import museum_answers, source_answers
from tests.unit.sources.fake_source import FakeSource

SOURCES: dict[str, FakeSource] = {
    "openverse": source_answers.openverse(25),
    "wikimedia": source_answers.wikimedia(55),
    "gbif": source_answers.gbif(5),
    "inaturalist": source_answers.inaturalist(5),
    "met": source_answers.met(3),
    "artic": source_answers.artic(5),
    "nasa": source_answers.nasa(5),
    "cleveland": museum_answers.cleveland(5),
    "library_of_congress": museum_answers.library_of_congress(5),
    "rijksmuseum": museum_answers.rijksmuseum(2),
    "europeana": source_answers.europeana(5),
    "smithsonian": source_answers.smithsonian(5),
    "flickr": source_answers.flickr(5),
    "brave": source_answers.brave(5),
    "google": source_answers.serpapi("google", 5, 3),
    "bing": source_answers.serpapi("bing", 5, 3),
    "duckduckgo": source_answers.serpapi("duckduckgo", 3, 3),
}
MEDIA = re.compile(
    r"(?:https?:)?//(?:(?:[a-z]+\.)?example\.(?:org|com)|images-assets\.nasa\.gov|www\.artic\.edu/iiif)"
    r"(?=/[^\"]*\.(?:jpe?g|png)|/2\"|/\d+\")"
)
"""Where the shapes say that pictures are."""
THROTTLED = b'{"detail": "Request was throttled. Expected available in 2 seconds."}'
"""
What Django REST framework, on which Openverse stands, says beside a 429.

https://github.com/freelawproject/courtlistener/issues/7655 shows such answers of another service.
"""


@dataclass(frozen=True)
class Question:
    source: str
    begin: float
    end: float
    status: int


@dataclass
class Official:
    port: int
    questions: list[Question] = field(default_factory=list)
    throttled: dict[str, list[int]] = field(default_factory=dict)
    """By source: places of the questions that are answered with 429 and Retry-After: 2."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def urls(self) -> dict[str, str]:
        """Where each source is, for `SOURCE_URLS`."""
        return {name: f"http://{self.host}/{name}" for name in SOURCES}

    def asked(self, source: str) -> list[Question]:
        return [question for question in self.questions if question.source == source]

    def answer(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        name, _, path = parts.path[1:].partition("/")
        if name not in SOURCES:
            return 404, b""
        if path.startswith("media/"):
            return 200, picture(target)
        begin = time.monotonic()
        status = 429 if len(self.asked(name)) in self.throttled.get(name, ()) else 200
        found = SOURCES[name].answer(f"/{path}", dict(parse_qsl(parts.query)))
        assert not isinstance(found, httpx.Response)
        body = MEDIA.sub(f"http://{self.host}/{name}/media", json.dumps(found))
        self.questions.append(Question(name, begin, time.monotonic(), status))
        return status, body.encode() if status == httpx.codes.OK else THROTTLED


def picture(name: str) -> bytes:
    """A JPEG that is like no other, whatever the name."""
    noise = Image.frombytes("L", (16, 12), random.Random(name).randbytes(16 * 12))
    stream = io.BytesIO()
    noise.resize((320, 240), Image.Resampling.BICUBIC).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


@contextmanager
def serving() -> Iterator[Official]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = official.answer(self.path)
            self.send_response(status)
            if status == httpx.codes.TOO_MANY_REQUESTS:
                self.send_header("Retry-After", "2")
            is_picture = body.startswith(b"\xff\xd8")
            self.send_header("Content-Type", "image/jpeg" if is_picture else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        official = Official(server.server_port)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield official
        finally:
            server.shutdown()

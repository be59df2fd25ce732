"""Heads of answers that no browser minds, and some that it does: each ends at once, in one way."""

import pytest

from crawlset.outcomes import Outcome
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web
from tests.unit.imaging import pictures

PICTURE = pictures.jpeg()
DIGITS = "9" * 5_000
"""More than `int` reads: 4,300 (docs.python.org/3/library/stdtypes.html#int-max-str-digits)."""


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1")


LENGTH = f"Content-Length: {len(PICTURE)}"


class TestOddHeads:
    @pytest.mark.parametrize(
        "answer",
        [
            head(LENGTH, "HTTP/1.1: a name"),
            head(LENGTH, status="HTTP/1.1\t200\tOK"),
            head(LENGTH, status="HTTP/1.1 200"),
            head(LENGTH, status="HTTP/1.1 200 " + "\xb2" * 5_000),
            head("Link: </a>", status="HTTP/1.1 103 Early Hints") + head(LENGTH),
            head("HTTP/1.1 404: a name", status="HTTP/1.1 103 Early Hints") + head(LENGTH),
            head(LENGTH, f"Retry-After: {DIGITS}", f"ETag: {DIGITS}", f"Last-Modified: {DIGITS}"),
            head(LENGTH, f"Content-Range: bytes 0-{DIGITS}/{DIGITS}", "Content-Type: \x01;;=\xff"),
            head(LENGTH, ": no name", "X-Robots-Tag: :,,: :", "Content-Usage: ="),
        ],
    )
    def test_do_not_matter_to_a_picture(self, web: Web, fetch: Fetch, answer: bytes) -> None:
        web.pages["/a.jpg"] = answer + PICTURE

        outcome = only(fetch(web.url("/a.jpg")))

        assert (outcome.outcome, outcome.detail) == (Outcome.stored, None)
        assert web.requests["/a.jpg"] == 1

    @pytest.mark.parametrize("length", [DIGITS, "0" * 4_400 + "99999999999"])
    def test_promise_more_than_anyone_has(self, web: Web, fetch: Fetch, length: str) -> None:
        web.pages["/a.jpg"] = head(f"Content-Length: {length}") + PICTURE

        outcome = only(fetch(web.url("/a.jpg")))

        assert (outcome.outcome, outcome.detail) == (Outcome.too_large, "body over 1048576 bytes")
        assert web.requests["/a.jpg"] == 1

    def test_ask_for_a_pause_without_end(self, web: Web, fetch: Fetch) -> None:
        web.pages["/a.jpg"] = head(
            f"Retry-After: {DIGITS}", "Content-Length: 0", status="HTTP/1.1 503 No"
        )

        outcome = only(fetch(web.url("/a.jpg")))

        assert outcome.defer is not None
        assert outcome.defer.seconds == pytest.approx(86_400, abs=60)
        assert web.requests["/a.jpg"] == 1

"""What the API function answers to anyone: its contract, and the page that shows it."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from functions.api import app
from tests.invocations import CONTEXT, request

COMMITTED = Path(__file__).parents[2] / "docs/openapi.json"


def get(path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    event = request("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})
    answer = app.handler(event, CONTEXT)
    body = answer["body"]
    if answer.get("isBase64Encoded"):
        body = gzip.decompress(base64.b64decode(body)).decode()
    return answer["statusCode"], {k.lower(): v for k, v in answer["headers"].items()}, body


class TestDocument:
    def test_is_the_contract(self) -> None:
        status, headers, body = get("/api/openapi.json")

        assert (status, headers["content-type"]) == (200, "application/json")
        assert json.loads(body) == json.loads(COMMITTED.read_text())

    def test_lets_a_page_send_a_key_to_where_it_came_from(self) -> None:
        _, _, body = get("/api/openapi.json")

        document = json.loads(body)
        assert document["servers"] == [{"url": "/"}]
        assert document["security"] == [{"ApiKey": []}]
        assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"


class TestPage:
    def test_shows_the_contract(self) -> None:
        status, headers, page = get("/api/docs")

        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert '"url": "openapi.json"' in page

    def test_keeps_a_key_in_memory_only(self) -> None:
        _, _, page = get("/api/docs")

        assert '"persistAuthorization": false' in page

    def test_loads_nothing_from_elsewhere(self) -> None:
        _, headers, page = get("/api/docs")

        outside = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", outside)
        assert "http" not in headers["content-security-policy"]

    def test_runs_its_own_scripts_only(self) -> None:
        _, headers, page = get("/api/docs")

        scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
        (allowed,) = re.findall(r"script-src ([^;]*)", headers["content-security-policy"])
        assert allowed.split() == [
            f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'"
            for s in scripts
        ]

    def test_cannot_be_framed_or_taken_for_something_else(self) -> None:
        _, headers, _ = get("/api/docs")

        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"

    def test_is_sent_compressed_to_whoever_can_read_that(self) -> None:
        _, headers, page = get("/api/docs", accept_encoding="gzip, br")

        assert headers["content-encoding"] == "gzip"
        assert "SwaggerUIBundle" in page


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/openapi.json", "/api/nowhere"])
def test_no_answer_is_framed_or_taken_for_something_else(path: str) -> None:
    _, headers, _ = get(path)

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_bare_address_leads_to_the_page() -> None:
    status, headers, _ = get("/")

    assert (status, headers["location"]) == (302, "/api/docs")

"""Pages of rows whose text is others': what one answer can hold, and what is left for the next."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob
from functions.api import app
from tests import factories
from tests.integration.api import Api
from tests.invocations import CONTEXT, request

MAX_ANSWER_BYTES = 6_291_556
"""
Lambda refuses a larger answer, and the gateway says 502 or 503.

Counted is the answer as the runtime writes it: the body is a JSON string in JSON, so its quotes
take two bytes (https://github.com/DataBiosphere/azul/issues/8192; a body of 4,474,447 bytes was
too large there: https://github.com/DataBiosphere/azul/issues/7466). Since Python 3.12 the runtime
escapes no letters (`to_json` in awslambdaric/lambda_runtime_marshaller.py).
"""
TEXTS = ("title", "creator", "licence_raw", "attribution", "query")
N_IMAGES = 100


def answer_bytes(api: Api, path: str, **query: str) -> tuple[int, dict[str, Any]]:
    event = request("GET", path, {"lambda": api.caller}, query=query, headers={})
    answer = app.handler(event, CONTEXT)
    assert answer["statusCode"] == 200
    return len(json.dumps(answer, ensure_ascii=False).encode()), json.loads(answer["body"])


@pytest.fixture(params=["\u6f22", '"', "\\", "\U0001f600", "\u0001"])
def images(request: pytest.FixtureRequest, session: Session, job: CrawlJob) -> str:
    """Rows as large as `discover` lets them become; the route that lists them."""
    chunk = factories.create_chunk(session, job, status="completed")
    texts = dict.fromkeys(TEXTS, request.param * 2_000)
    for number in range(N_IMAGES):
        url = f"https://a.example/{number}/" + "\u6f22" * 8_000
        factories.create_image(session, chunk, url=url, landing_url=url, **texts)
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images"


def pages(api: Api, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    cursor: dict[str, str] = {}
    while True:
        size, page = answer_bytes(api, path, limit="100", **cursor)
        yield size, page
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


class TestImages:
    def test_come_in_answers_that_lambda_takes(self, api: Api, images: str) -> None:
        found = list(pages(api, images))

        ids = [image["id"] for _, page in found for image in page["items"]]
        assert len(found) > 1
        assert max(size for size, _ in found) < MAX_ANSWER_BYTES
        assert len(ids) == len(set(ids)) == N_IMAGES
        assert ids == sorted(ids)


class TestLetters:
    def test_are_written_as_they_are(self, api: Api) -> None:
        name = "\u6f22\u5b57"
        made = request(
            "POST", "/api/projects", {"lambda": api.caller}, headers={}, body={"name": name}
        )

        answer = app.handler(made, CONTEXT)

        assert name in answer["body"]

"""Ask the function that finds images, as the gateway does."""

import json
from typing import Any

from crawlset.models import CrawlJob
from functions.find import app
from tests.invocations import CONTEXT, reader, request

RED, GREEN, BLUE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def ask(
    job: CrawlJob, caller: object = None, context: Any = CONTEXT, **query: object
) -> tuple[int, Any]:
    path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/nearest-images"
    asked = {name: str(value) for name, value in query.items()}
    event = request("GET", path, reader(caller or job.user_id), query=asked)
    answer = app.handler(event, context)
    return answer["statusCode"], json.loads(answer["body"])


def ids(body: Any) -> list[int]:
    return [one["image"]["id"] for one in body["items"]]

"""Jobs of lists, from the request to the rows, as the functions make them."""

from typing import Any, cast
from uuid import uuid4

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import planning
from crawlset.kit import objects
from crawlset.models import Project
from crawlset.wire import keys
from functions.discover import app
from tests.integration.api import Api
from tests.invocations import CONTEXT


class Lists:
    """Jobs of lists, followed until their rows are there."""

    def __init__(self, api: Api, project: Project, queues: Any, roles: list[str]) -> None:
        self.api = api
        self.project = project
        self.path = f"/api/projects/{project.id}/crawl-jobs"
        self._queues = queues
        self._roles = roles

    def create(self, **list_: Any) -> tuple[int, Any]:
        return self.api.call("POST", self.path, {"name": "l", "sources": ["urls"], **list_})

    def upload(self, body: bytes, format_: str | None = None, **options: Any) -> tuple[int, Any]:
        upload_id = str(uuid4())
        objects.put(f"uploads/{self.project.user_id}/{upload_id}", body)
        return self.create(upload_id=upload_id, manifest_format=format_, **options)

    def crawl(self, created: tuple[int, Any]) -> dict[str, Any]:
        """The job as the API shows it once its list was read and planned."""
        status, job = created
        assert status == 201, job
        return self.follow(job["id"])

    def follow(self, job_id: Any) -> dict[str, Any]:
        for body in self._queues.bodies("discover"):
            app.handler({"Records": [_record(body)]}, cast(LambdaContext, CONTEXT))
        self.plan(job_id)
        _, shown = self.api.call("GET", f"{self.path}/{job_id}")
        return cast("dict[str, Any]", shown)

    def plan(self, job_id: Any) -> None:
        self._roles.append("crawlset_worker")
        for key in objects.list_keys(keys.candidates_prefix(job_id)):
            planning.plan_part(key)
        self._roles.pop()


def _record(body: str) -> dict[str, Any]:
    return {
        "messageId": str(uuid4()),
        "receiptHandle": "handle",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795384188213",
            "SenderId": "crawlset",
            "ApproximateFirstReceiveTimestamp": "1795384188213",
            "MessageGroupId": "urls",
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:discover.fifo",
        "awsRegion": "us-east-1",
    }

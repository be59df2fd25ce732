"""A service of AWS fails for now: what the API says then."""

from typing import Any

import pytest

from crawlset.kit import aws
from tests.integration.api import Api

LIST = {"name": "cats", "sources": ["urls"], "urls": ["https://a.test/1.jpg"]}


@pytest.mark.usefixtures("bucket", "queues")
@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (503, "ServiceUnavailable")]
)
def test_a_bucket_that_takes_nothing_is_503_and_says_when_to_ask_again(
    api: Api, path: str, status: int, code: str
) -> None:
    """
    S3's answers, which its client has repeated four times by then.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """

    def refuse(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        parsed["Error"] = {"Code": code, "Message": "later"}
        parsed["ResponseMetadata"]["HTTPStatusCode"] = status
        http_response.status_code = status

    events = aws.s3().meta.events
    events.register("after-call.s3.PutObject", refuse)

    answer = api.ask("POST", path, LIST)

    events.unregister("after-call.s3.PutObject", refuse)
    assert (answer.status, answer.body["code"]) == (503, "AwsAwayError")
    assert answer.headers["retry-after"] == "5"
    assert api.call("GET", path)[1]["items"] == []

"""A message of the discover queue in, parts of candidates in the bucket out."""

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import boto3
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset import settings
from crawlset.kit import aws, objects
from crawlset.kit.strict_json import to_json
from crawlset.observability import logger
from crawlset.sources import worker
from crawlset.sources.discover import CANCELLED
from crawlset.wire import keys
from crawlset.wire.candidates import CandidateLine, PartHead
from crawlset.wire.record import unpack
from crawlset.wire.searches import Deferral, DiscoverMessage, IntendedUse, SearchRequest
from functions.discover import app
from tests.integration.sample_search import Site

pytestmark = pytest.mark.usefixtures("bucket")

CONTEXT = cast(
    LambdaContext,
    SimpleNamespace(
        function_name="discover",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:discover",
        aws_request_id="request",
    ),
)

REQUEST = SearchRequest(
    source="sample", keyword="cat", limit=1000, intended_use=IntendedUse.research
)


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("SAMPLE_SOURCE_URL", "http://127.0.0.1:8490")
    settings.source_settings.cache_clear()
    site = Site()
    client = httpx.Client(transport=httpx.MockTransport(site))
    monkeypatch.setattr(worker, "source_client", lambda: client)
    yield site
    settings.source_settings.cache_clear()


def record(job_id: UUID, search_id: UUID, *, n_pauses: int = 0, **request: Any) -> dict[str, Any]:
    request = to_json(REQUEST) | request
    body = DiscoverMessage(job_id, search_id, 1, REQUEST, n_pauses=n_pauses).to_json()
    return {
        "messageId": str(uuid4()),
        "receiptHandle": "handle",
        "body": json.dumps(body | {"request": request}),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795384188213",
            "SenderId": "crawlset",
            "ApproximateFirstReceiveTimestamp": "1795384188213",
            "MessageGroupId": request["source"],
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:discover.fifo",
        "awsRegion": "us-east-1",
    }


def send(*records: dict[str, Any]) -> list[str]:
    """The ids of the messages that the function wants to have again."""
    answer = app.handler({"Records": list(records)}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def received(queues: Any) -> str:
    """The receipt handle of a message that was taken off the queue."""
    url = queues.urls["discover"]
    queues.sqs.send_message(
        QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d"
    )
    (message,) = queues.sqs.receive_message(QueueUrl=url)["Messages"]
    handle: str = message["ReceiptHandle"]
    return handle


def parts_of(job_id: UUID) -> list[tuple[PartHead, list[CandidateLine]]]:
    return [
        unpack(PartHead, CandidateLine, objects.get_lines(key))
        for key in objects.list_keys(keys.candidates_prefix(job_id))
    ]


def deferral_of(search_id: UUID) -> Deferral:
    [head] = objects.get_lines(keys.deferral(search_id))
    return Deferral.from_json(head)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs from here on."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def logged(log: io.StringIO, event: str) -> dict[str, Any]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.getvalue().splitlines()]
    return next(line for line in lines if line["message"] == event)


class TestSample:
    def test_writes_every_hit(self, log: io.StringIO) -> None:
        job_id, search_id = uuid4(), uuid4()

        again = send(record(job_id, search_id, licences=["pd"]))

        assert again == []
        assert list(objects.list_keys("")) == [
            keys.candidates(job_id, search_id, 0),
            keys.progress(job_id, search_id),
        ]
        [(head, lines)] = parts_of(job_id)
        assert (head.n_parts, head.error) == (1, None)
        assert [line.rank for line in lines] == list(range(1, 121))
        assert [line.refused for line in lines] == ["refused_licence", None, None] * 40
        event = logged(log, "search_discovered")
        assert (event["job_id"], event["search_id"]) == (str(job_id), str(search_id))
        assert (event["source"], event["n_candidates"]) == ("sample", 120)

    def test_asks_only_for_what_the_limit_needs(self, site: Site) -> None:
        job_id = uuid4()

        send(record(job_id, uuid4(), limit=60))

        [(_, lines)] = parts_of(job_id)
        assert (len(lines), site.n_asked) == (60, 2)

    def test_wants_the_message_again_when_throttled(
        self, site: Site, queues: Any, log: io.StringIO
    ) -> None:
        site.answer = httpx.Response(429, headers={"Retry-After": "30"})
        job_id = uuid4()
        message = record(job_id, uuid4()) | {"receiptHandle": received(queues)}
        put_off: list[int] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            put_off.append(params["VisibilityTimeout"])

        aws.sqs().meta.events.register("before-parameter-build.sqs.ChangeMessageVisibility", note)

        again = send(message)

        assert (again, put_off[-1]) == ([message["messageId"]], 30)
        assert "record_failed" not in log.getvalue()
        assert parts_of(job_id) == []
        assert "wait 30 s" in logged(log, "search_deferred")["error"]

    def test_hands_a_search_back_before_the_queue_gives_it_up(self, site: Site) -> None:
        site.answer = httpx.Response(429, headers={"Retry-After": "7200"})
        job_id, search_id = uuid4(), uuid4()
        message = record(job_id, search_id)
        message["attributes"]["ApproximateReceiveCount"] = "4"

        assert send(message) == []

        deferral = deferral_of(search_id)
        assert deferral.failed_at is not None
        assert deferral.failed_at <= datetime.now(UTC)
        assert replace(deferral, failed_at=None) == Deferral(
            job_id, search_id, attempt=1, seconds=7200, error="sample asks to wait."
        )

    @pytest.mark.parametrize(
        ("answer", "error", "seconds"),
        [
            (httpx.Response(429, headers={"Retry-After": "30"}), "sample asks to wait.", 30),
            (
                httpx.Response(500),
                "sample does not answer at the moment (HTTP 500).",
                60,
            ),
        ],
    )
    def test_says_what_a_search_waits_for(
        self, site: Site, queues: Any, answer: httpx.Response, error: str, seconds: float
    ) -> None:
        site.answer = answer
        search_id = uuid4()
        message = record(uuid4(), search_id) | {"receiptHandle": received(queues)}
        message["attributes"]["ApproximateReceiveCount"] = "2"

        again = send(message)

        told = deferral_of(search_id)
        assert again == [message["messageId"]]
        assert (told.error, told.seconds, told.is_handed_back) == (error, seconds, False)

    def test_ends_with_what_it_has_before_the_queue_gives_it_up(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker, "TURN_SECONDS", -1)
        job_id, search_id = uuid4(), uuid4()
        assert send(record(job_id, search_id)) == []
        assert deferral_of(search_id).n_pauses == 1
        site.answer = httpx.Response(500)
        message = record(job_id, search_id, n_pauses=1)
        message["attributes"]["ApproximateReceiveCount"] = "5"

        assert send(message) == []

        (first, lines), (last, none) = parts_of(job_id)
        assert (first.n_parts, len(lines), last.n_parts, none) == (None, 50, 2, [])
        assert last.error is not None
        assert last.error.message == "sample does not answer at the moment (HTTP 500)."

    def test_makes_way_for_others_and_goes_on(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id, search_id = uuid4(), uuid4()
        monkeypatch.setattr(worker, "TURN_SECONDS", -1)
        for n_pauses in (0, 1):
            assert send(record(job_id, search_id, n_pauses=n_pauses)) == []
            told = deferral_of(search_id)
            assert (told.n_pauses, told.seconds) == (n_pauses + 1, 0)
        monkeypatch.setattr(worker, "TURN_SECONDS", 120)

        assert send(record(job_id, search_id, n_pauses=2)) == []

        parts = parts_of(job_id)
        assert [len(lines) for _, lines in parts] == [50, 50, 20]
        assert [head.n_parts for head, _ in parts] == [None, None, 3]
        assert site.n_asked == 3

    def test_goes_on_with_other_groups_when_one_is_throttled(self, site: Site) -> None:
        site.answer = httpx.Response(429)
        objects.put("uploads/a/b", b"https://a.example/1.jpg\n")
        first, other_job = record(uuid4(), uuid4()), uuid4()
        second = record(uuid4(), uuid4())
        other = record(other_job, uuid4(), source="urls", keyword=None, manifest_key="uploads/a/b")

        again = send(first, second, other)

        assert again == [first["messageId"], second["messageId"]]
        assert site.n_asked == 1
        assert len(parts_of(other_job)) == 1

    def test_ends_the_search_when_the_source_answers_html(self, site: Site) -> None:
        site.answer = httpx.Response(200, html="<html>Sorry</html>")
        job_id = uuid4()

        again = send(record(job_id, uuid4()))

        assert again == []
        [(head, lines)] = parts_of(job_id)
        assert head.error is not None
        assert head.error.code == "SourceError"
        assert lines == []

    def test_asks_nothing_for_a_cancelled_job(self, site: Site) -> None:
        job_id = uuid4()
        objects.put(keys.cancelled(job_id, 1), b"")

        send(record(job_id, search_id := uuid4()))

        [key] = objects.list_keys(keys.candidates_prefix(job_id))
        assert key == keys.candidates(job_id, search_id, 0)
        head, lines = unpack(PartHead, CandidateLine, objects.get_lines(key))
        assert head.error == CANCELLED
        assert (lines, site.n_asked) == ([], 0)

    @pytest.mark.parametrize(
        ("source", "code"),
        [("altavista", "UnknownSourceError"), ("pexels", "SourceNotPermittedError")],
    )
    def test_ends_a_search_it_may_not_make(self, source: str, code: str) -> None:
        job_id = uuid4()

        again = send(record(job_id, uuid4(), source=source))

        assert again == []
        [(head, _)] = parts_of(job_id)
        assert head.error is not None
        assert head.error.code == code


class TestUrls:
    def test_writes_a_parquet_manifest_in_parts(self) -> None:
        urls = [f"https://a.example/{n}.jpg" for n in range(26_001)]
        manifest = io.BytesIO()
        pq.write_table(pa.table({"URL": urls, "label": ["cat"] * len(urls)}), manifest)
        objects.put("uploads/a/b", manifest.getvalue())
        job_id = uuid4()

        send(
            record(
                job_id,
                uuid4(),
                source="urls",
                keyword=None,
                manifest_key="uploads/a/b",
                limit=1_000_000,
            )
        )

        parts = parts_of(job_id)
        sizes = [(head.n_parts, len(lines)) for head, lines in parts]
        assert sizes == [(None, 1_000), (None, 25_000), (3, 1)]
        lines = [line for _, lines in parts for line in lines]
        assert [line.url for line in lines] == urls
        assert {(line.query, line.keyword, line.refused) for line in lines} == {(None, "cat", None)}

    def test_counts_lines_that_are_no_url(self) -> None:
        objects.put("uploads/a/b", b"https://a.example/1.jpg\nhello\nhttps:///x.jpg\n")
        job_id = uuid4()

        send(record(job_id, uuid4(), source="urls", keyword=None, manifest_key="uploads/a/b"))

        [(_, lines)] = parts_of(job_id)
        assert [(line.url, line.refused) for line in lines] == [
            ("https://a.example/1.jpg", None),
            ("hello", "invalid_url"),
            ("https:///x.jpg", "invalid_url"),
        ]

    def test_writes_nothing_of_a_manifest_that_is_cut_short(self) -> None:
        urls = "".join(f"https://a.example/{n * n}\n" for n in range(30_000))
        objects.put("uploads/a/b", gzip.compress(urls.encode())[:-2_000])
        job_id = uuid4()

        again = send(
            record(job_id, uuid4(), source="urls", keyword=None, manifest_key="uploads/a/b")
        )

        assert again == []
        [(head, lines)] = parts_of(job_id)
        assert head.error is not None
        assert head.error.code == "MalformedManifestError"
        assert head.error.message.startswith("The gzip data is broken at line 2")
        assert lines == []


class TestMessage:
    def test_leaves_a_message_it_does_not_understand_on_the_queue(self) -> None:
        message = record(uuid4(), uuid4(), intended_use="mischief")

        assert send(message) == [message["messageId"]]


class TestKeys:
    def test_are_read_from_their_secret(
        self, bucket: str, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret = boto3.client("secretsmanager").create_secret(
            Name="keys", SecretString=json.dumps({"brave_key": "from the secret"})
        )
        monkeypatch.setenv("SOURCE_KEYS_ARN", secret["ARN"])
        monkeypatch.setenv("SOURCES", "brave")
        settings.source_keys_settings.cache_clear()
        site.answer = httpx.Response(200, json={"results": []})
        asked: list[httpx.Request] = []
        client = httpx.Client(
            transport=httpx.MockTransport(site), event_hooks={"request": [asked.append]}
        )
        monkeypatch.setattr(worker, "source_client", lambda: client)

        assert send(record(uuid4(), uuid4(), source="brave")) == []

        assert asked[0].headers["x-subscription-token"] == "from the secret"
        settings.source_keys_settings.cache_clear()

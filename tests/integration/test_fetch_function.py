import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from crawlset.fetching import bucket
from crawlset.kit import objects
from crawlset.kit.json_lines import pack_lines
from crawlset.observability import logger
from crawlset.wire import keys
from functions.fetch import app
from tests.integration.web import Web, serve
from tests.unit.imaging import pictures

JOB = UUID("0193a1b2-0000-7000-8000-000000000001")

LINE = {
    "n",
    "outcome",
    "detail",
    "final_url",
    "http_status",
    "content_type",
    "file_size",
    "sha256",
    "width",
    "height",
    "format",
    "mode",
    "n_frames",
    "phash",
    "pixel_hash",
    "phashes",
    "scores",
    "transform",
    "pack_offset",
    "pack_length",
    "etag",
    "last_modified",
    "change",
    "defer",
    "n_retries",
    "evidence",
}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with serve() as web:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", ",".join(web.hosts))
        yield web


@pytest.fixture(autouse=True)
def fresh_pool(emulated_bucket: str) -> Iterator[None]:
    yield
    app.decode_pool().close()
    app.decode_pool.cache_clear()


def put_input(chunk_id: UUID, *urls: str, **head: Any) -> None:
    put_lines(chunk_id, *({"n": n, "url": url} for n, url in enumerate(urls)), **head)


def put_lines(chunk_id: UUID, *lines: dict[str, Any], **head: Any) -> None:
    common = {"v": 1, "job_id": str(JOB), "chunk_id": str(chunk_id), "attempt": 1}
    objects.put(keys.chunk_input(JOB, chunk_id, 1), pack_lines([common | head, *lines]))


def deliver(chunk_id: UUID, *, attempt: int = 1, body: str | None = None) -> list[Any]:
    """Send one message through the handler; the failures it reports."""
    message = {"v": 1, "job_id": str(JOB), "chunk_id": str(chunk_id), "attempt": attempt}
    record = {
        "messageId": str(uuid4()),
        "receiptHandle": "handle",
        "body": body or json.dumps(message),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1763800000000",
            "SenderId": "sender",
            "ApproximateFirstReceiveTimestamp": "1763800000000",
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:chunks",
        "awsRegion": "us-east-1",
    }
    context: Any = SimpleNamespace(
        function_name="fetch",
        function_version="1",
        memory_limit_in_mb=3538,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:fetch",
        aws_request_id=str(uuid4()),
        get_remaining_time_in_millis=lambda: 300_000,
    )
    failures: list[Any] = app.handler({"Records": [record]}, context)["batchItemFailures"]
    return failures


def outcome_of(chunk_id: UUID) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *lines = objects.get_lines(keys.outcome(JOB, chunk_id))
    return header, lines


def packs(chunk_id: UUID) -> list[str]:
    prefix = f"jobs/{JOB}/chunks/{chunk_id}/"
    return [key for key in objects.list_keys(prefix) if key.endswith(".tar")]


class TestHandler:
    def test_writes_the_pack_and_an_outcome_with_every_url_once(self, web: Web) -> None:
        chunk_id = uuid4()
        data = pictures.jpeg()
        put_input(
            chunk_id,
            web.add("/a.jpg", data, Content_Type="image/jpeg"),
            web.add("/gone.jpg", status=404),
            web.add("/noai.jpg", data, X_Robots_Tag="noai"),
            "http://169.254.169.254/latest/meta-data/",
        )

        failures = deliver(chunk_id)

        header, lines = outcome_of(chunk_id)
        assert failures == []
        assert [line["n"] for line in lines] == [0, 1, 2, 3]
        assert [line["outcome"] for line in lines] == [
            "stored",
            "http_404",
            "refused_noai",
            "blocked_address",
        ]
        assert all(set(line) == LINE for line in lines)
        assert [header["pack_key"]] == packs(chunk_id)
        assert (header["n_urls"], header["attempt"]) == (4, 1)
        assert header["fetch_seconds"] > 0
        assert header["bytes_received"] >= len(data)
        stored = lines[0]
        assert (
            objects.get_range(header["pack_key"], stored["pack_offset"], stored["pack_length"])
            == data
        )
        assert len(objects.get(header["pack_key"])) == header["pack_bytes"]
        assert (web.requests["/gone.jpg"], web.requests["/noai.jpg"]) == (1, 1)

    def test_writes_no_pack_when_nothing_was_stored(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.url("/gone.jpg"))

        deliver(chunk_id)

        header, _ = outcome_of(chunk_id)
        assert (header["pack_key"], header["pack_bytes"], packs(chunk_id)) == (None, 0, [])

    def test_acknowledges_a_second_delivery_without_a_request(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.add("/a.jpg", pictures.jpeg()))
        deliver(chunk_id)
        before = objects.get(keys.outcome(JOB, chunk_id))

        failures = deliver(chunk_id)

        assert failures == []
        assert web.requests["/a.jpg"] == 1
        assert objects.get(keys.outcome(JOB, chunk_id)) == before
        assert len(packs(chunk_id)) == 1

    def test_takes_its_pack_back_when_another_delivery_was_first(self, web: Web) -> None:
        chunk_id = uuid4()
        data = pictures.jpeg()
        url = web.url("/a.jpg")
        put_input(chunk_id, url)

        theirs = pack_lines([{"v": 1, "pack_key": "the other one's"}])

        def page(connection: Any) -> None:
            objects.put(keys.outcome(JOB, chunk_id), theirs)
            web.add("/a.jpg", data)
            connection.sendall(web.pages["/a.jpg"])

        web.pages["/a.jpg"] = page

        failures = deliver(chunk_id)

        assert failures == []
        assert objects.get(keys.outcome(JOB, chunk_id)) == theirs
        assert packs(chunk_id) == []

    def test_keeps_its_pack_when_only_the_answer_to_its_write_was_lost(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.add("/a.jpg", pictures.jpeg()))
        write = bucket.put_once

        def lose_answer(key: str, body: bytes) -> bool:
            write(key, body)
            return write(key, body)

        monkeypatch.setattr(bucket, "put_once", lose_answer)

        failures = deliver(chunk_id)

        assert failures == []
        assert len(packs(chunk_id)) == 1

    def test_cancels_every_url_of_a_cancelled_job_without_a_request(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.add("/a.jpg", pictures.jpeg()), web.url("/b.jpg"))
        objects.put(keys.cancelled(JOB, 1), b"")

        failures = deliver(chunk_id)

        header, lines = outcome_of(chunk_id)
        assert failures == []
        assert [line["outcome"] for line in lines] == ["cancelled", "cancelled"]
        assert header["pack_key"] is None
        assert web.requests == {}

    def test_keeps_count_of_the_retries_of_a_cancelled_url(self, web: Web) -> None:
        chunk_id = uuid4()
        put_lines(chunk_id, {"n": 0, "url": web.url("/a.jpg"), "retries": 2})
        objects.put(keys.cancelled(JOB, 1), b"")

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert lines[0]["n_retries"] == 2

    def test_heeds_what_the_policy_says(self, web: Web) -> None:
        chunk_id = uuid4()
        url = web.add("/noai.jpg", pictures.jpeg(), X_Robots_Tag="noai")
        put_input(chunk_id, url, policy={"x_robots_tag": False})

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert lines[0]["outcome"] == "stored"

    def test_brings_pictures_to_the_size_wanted(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(
            chunk_id,
            web.add("/a.jpg", pictures.jpeg()),
            resize={"mode": "center_crop", "size": 32},
        )

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert (lines[0]["width"], lines[0]["height"]) == (32, 32)
        assert lines[0]["transform"]["mode"] == "center_crop"

    def test_asks_whether_what_is_known_has_changed(self, web: Web) -> None:
        chunk_id = uuid4()
        url = web.add("/a.jpg", status=304)
        put_lines(chunk_id, {"n": 0, "url": url, "known": {"etag": '"a"'}})

        deliver(chunk_id)

        header, lines = outcome_of(chunk_id)
        assert (lines[0]["outcome"], lines[0]["change"]) == ("stored", "unchanged")
        assert header["pack_key"] is None

    def test_returns_a_message_whose_input_it_cannot_read(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = io.StringIO()
        monkeypatch.setattr(logger.registered_handler, "stream", log)
        chunk_id = uuid4()
        put_input(chunk_id, web.url("/a.jpg"), policy={"manners": False})

        failures = deliver(chunk_id)

        assert len(failures) == 1
        assert not objects.exists(keys.outcome(JOB, chunk_id))
        assert "Head.policy has an unknown field 'manners'" in log.getvalue()
        assert web.requests == {}

    def test_returns_a_message_whose_input_is_not_there(self) -> None:
        chunk_id = uuid4()

        failures = deliver(chunk_id)

        assert len(failures) == 1
        assert not objects.exists(keys.outcome(JOB, chunk_id))

    @pytest.mark.parametrize(
        "body",
        [
            "not json",
            "{}",
            json.dumps({"v": 2, "job_id": str(JOB), "chunk_id": str(JOB), "attempt": 1}),
        ],
    )
    def test_returns_a_message_it_cannot_read(self, body: str) -> None:
        assert len(deliver(uuid4(), body=body)) == 1

    def test_logs_the_chunk_and_counts_its_images(
        self, web: Web, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = io.StringIO()
        monkeypatch.setattr(logger.registered_handler, "stream", log)
        chunk_id = uuid4()
        data = pictures.jpeg()
        put_input(chunk_id, web.add("/a.jpg", data), web.url("/gone.jpg"))

        deliver(chunk_id)

        (fetched,) = map(json.loads, log.getvalue().splitlines())
        assert fetched["message"] == "chunk_fetched"
        assert (fetched["job_id"], fetched["chunk_id"]) == (str(JOB), str(chunk_id))
        assert fetched["attempt"] == 1
        assert fetched["outcomes"] == {"stored": 1, "http_404": 1}
        printed = map(json.loads, capsys.readouterr().out.splitlines())
        counted = next(line for line in printed if "ImagesStored" in line)
        assert counted["ImagesStored"] == [1.0]
        assert counted["ImagesFailed"] == [1.0]
        assert counted["ImagesRefused"] == counted["ImagesDeferred"] == [0.0]
        assert counted["BytesFetched"] == [float(len(data))]
        assert counted["FetchSeconds"][0] > 0

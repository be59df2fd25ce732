import io
import json
import ssl
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from obstore.exceptions import GenericError

from crawlset.errors import StorageAwayError
from crawlset.fetching import bucket
from crawlset.kit import objects
from crawlset.kit.json_lines import pack_lines
from crawlset.observability import logger
from crawlset.resizing import Resize, ResizeMode
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl, FetchPolicy, Known
from crawlset.wire.outcomes import Defer, OutcomeHead, UrlOutcome
from crawlset.wire.record import pack, unpack
from functions.fetch import app
from tests.integration.web_server import Web, serve
from tests.unit.imaging import pictures

JOB = UUID("0193a1b2-0000-7000-8000-000000000001")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with serve() as web:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", ",".join(web.hosts))
        yield web


@pytest.fixture
def secure_web(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> Iterator[Web]:
    """A server that only who trusts `certificate` will ask."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with serve(tls) as web:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", ",".join(web.hosts))
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        yield web


@pytest.fixture(autouse=True)
def fresh_pool(emulated_bucket: str) -> Iterator[None]:
    yield
    app.decode_pool().close()
    app.decode_pool.cache_clear()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs from here on."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def refuse(*_: Any) -> Any:
    message = "503 Slow Down"
    raise GenericError(message)


class LaterMessage(ChunkMessage):
    VERSION = 2


def put_input(chunk_id: UUID, *urls: str | ChunkUrl, **head: Any) -> None:
    lines = [ChunkUrl(n, url) if isinstance(url, str) else url for n, url in enumerate(urls)]
    body = pack(ChunkHead(JOB, chunk_id, 1, **head), lines)
    objects.put(keys.chunk_input(JOB, chunk_id, 1), body)


def deliver(chunk_id: UUID, *, attempt: int = 1, body: str | None = None) -> list[Any]:
    """Send one message through the handler; the failures it reports."""
    message = ChunkMessage(JOB, chunk_id, attempt).to_json()
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
        memory_limit_in_mb=1769,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:fetch",
        aws_request_id=str(uuid4()),
        get_remaining_time_in_millis=lambda: 300_000,
    )
    failures: list[Any] = app.handler({"Records": [record]}, context)["batchItemFailures"]
    return failures


def outcome_of(chunk_id: UUID) -> tuple[OutcomeHead, list[UrlOutcome]]:
    return unpack(OutcomeHead, UrlOutcome, objects.get_lines(keys.outcome(JOB, chunk_id)))


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
        assert [line.n for line in lines] == [0, 1, 2, 3]
        assert [line.outcome for line in lines] == [
            "stored",
            "http_404",
            "refused_noai",
            "blocked_address",
        ]
        assert [header.pack_key] == packs(chunk_id)
        assert header.fetch_seconds > 0
        assert header.bytes_received >= len(data)
        packed = objects.get(str(header.pack_key))
        assert packed[lines[0].pack_offset :][: lines[0].pack_length] == data
        with tarfile.open(fileobj=io.BytesIO(packed)) as members:
            assert [member.size for member in members] == [len(data)]
        assert (web.requests["/gone.jpg"], web.requests["/noai.jpg"]) == (1, 1)

    def test_writes_no_pack_when_nothing_was_stored(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.url("/gone.jpg"))

        deliver(chunk_id)

        header, _ = outcome_of(chunk_id)
        assert (header.pack_key, packs(chunk_id)) == (None, [])

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

    def test_leaves_its_pack_to_the_tick_when_another_delivery_was_first(self, web: Web) -> None:
        chunk_id = uuid4()
        data = pictures.jpeg()
        url = web.url("/a.jpg")
        put_input(chunk_id, url)

        theirs = pack(OutcomeHead("the other one's"))

        def page(connection: Any) -> None:
            objects.put(keys.outcome(JOB, chunk_id), theirs)
            web.add("/a.jpg", data)
            connection.sendall(web.pages["/a.jpg"])

        web.pages["/a.jpg"] = page

        failures = deliver(chunk_id)

        assert failures == []
        assert objects.get(keys.outcome(JOB, chunk_id)) == theirs
        assert len(packs(chunk_id)) == 1  # without a row: see test_orphans

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

    def test_puts_off_what_the_bucket_does_not_take(
        self, web: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What obstore raises of a 503 is in `test_bucket`."""
        chunk_id = uuid4()
        put_input(chunk_id, web.add("/a.jpg", pictures.jpeg()), web.add("/gone.jpg", status=404))
        monkeypatch.setattr(bucket, "put_file", refuse)

        failures = deliver(chunk_id)

        header, (unstored, gone) = outcome_of(chunk_id)
        assert (failures, header.pack_key) == ([], None)
        assert (unstored.outcome, unstored.defer) == ("worker_failed", Defer(60, "storage"))
        assert (unstored.sha256, unstored.pack_offset) == (None, None)
        assert (gone.outcome, gone.defer) == ("http_404", None)

    def test_wants_its_message_again_when_the_bucket_takes_nothing(
        self, web: Web, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
    ) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.add("/a.jpg", pictures.jpeg()))
        monkeypatch.setattr(bucket, "put_file", refuse)
        monkeypatch.setattr(bucket, "put_once", refuse)

        failures = deliver(chunk_id)

        assert len(failures) == 1
        assert StorageAwayError.__name__ in log.getvalue()
        assert '"is_passing":true' in log.getvalue()

    def test_cancels_every_url_of_a_cancelled_job_without_a_request(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, web.add("/a.jpg", pictures.jpeg()), web.url("/b.jpg"))
        objects.put(keys.cancelled(JOB, 1), b"")

        failures = deliver(chunk_id)

        header, lines = outcome_of(chunk_id)
        assert failures == []
        assert [line.outcome for line in lines] == ["cancelled", "cancelled"]
        assert header.pack_key is None
        assert web.requests == {}

    def test_keeps_count_of_the_retries_of_a_cancelled_url(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(chunk_id, ChunkUrl(0, web.url("/a.jpg"), retries=2))
        objects.put(keys.cancelled(JOB, 1), b"")

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert lines[0].n_retries == 2

    def test_heeds_what_the_policy_says(self, web: Web) -> None:
        chunk_id = uuid4()
        url = web.add("/noai.jpg", pictures.jpeg(), X_Robots_Tag="noai")
        put_input(chunk_id, url, policy=FetchPolicy(x_robots_tag=False))

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert lines[0].outcome == "stored"

    def test_brings_pictures_to_the_size_wanted(self, web: Web) -> None:
        chunk_id = uuid4()
        put_input(
            chunk_id,
            web.add("/a.jpg", pictures.jpeg()),
            resize=Resize(ResizeMode.center_crop, 32),
        )

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert (lines[0].width, lines[0].height) == (32, 32)
        assert (lines[0].transform or {})["mode"] == "center_crop"

    def test_asks_whether_what_is_known_has_changed(self, web: Web) -> None:
        chunk_id = uuid4()
        url = web.add("/a.jpg", status=304)
        put_input(chunk_id, ChunkUrl(0, url, known=Known(etag='"a"')))

        deliver(chunk_id)

        header, lines = outcome_of(chunk_id)
        assert (lines[0].outcome, lines[0].change) == ("stored", "unchanged")
        assert header.pack_key is None

    def test_returns_a_message_whose_input_it_cannot_read(self, web: Web, log: io.StringIO) -> None:
        chunk_id = uuid4()
        head = ChunkHead(JOB, chunk_id, 1).to_json() | {"policy": {"manners": False}}
        objects.put(keys.chunk_input(JOB, chunk_id, 1), pack_lines([head]))

        failures = deliver(chunk_id)

        assert len(failures) == 1
        assert not objects.exists(keys.outcome(JOB, chunk_id))
        assert "ChunkHead.policy has an unknown field 'manners'" in log.getvalue()
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
            json.dumps(LaterMessage(JOB, JOB, 1).to_json()),
        ],
    )
    def test_returns_a_message_it_cannot_read(self, body: str) -> None:
        assert len(deliver(uuid4(), body=body)) == 1

    def test_logs_the_chunk_and_counts_its_images(
        self, web: Web, capsys: pytest.CaptureFixture[str], log: io.StringIO
    ) -> None:
        chunk_id = uuid4()
        data = pictures.jpeg()
        put_input(chunk_id, web.add("/a.jpg", data), web.url("/gone.jpg"))

        deliver(chunk_id)

        said = [json.loads(line) for line in log.getvalue().splitlines()]
        (fetched,) = [line for line in said if line["message"] == "chunk_fetched"]
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


class TestCertificates:
    def test_of_a_private_authority_are_trusted_where_the_environment_names_it(
        self, secure_web: Web, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        secure_web.add("/a.jpg", pictures.jpeg())
        chunk_id = uuid4()
        put_input(chunk_id, secure_web.url("/a.jpg"), secure_web.url("/a.jpg", "other"))

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert [line.outcome for line in lines] == ["stored", "tls_error"]

    @pytest.mark.parametrize("named", [None, ""], ids=["unset", "empty"])
    def test_of_a_private_authority_are_refused_where_nothing_names_it(
        self, secure_web: Web, named: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if named is not None:
            monkeypatch.setenv("SSL_CERT_FILE", named)
        chunk_id = uuid4()
        put_input(chunk_id, secure_web.add("/a.jpg", pictures.jpeg()))

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert [line.outcome for line in lines] == ["tls_error"]
        assert secure_web.requests == {}

    def test_open_no_address_that_is_not_public(
        self, secure_web: Web, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", "")
        chunk_id = uuid4()
        put_input(chunk_id, secure_web.add("/a.jpg", pictures.jpeg()))

        deliver(chunk_id)

        _, lines = outcome_of(chunk_id)
        assert [line.outcome for line in lines] == ["blocked_address"]

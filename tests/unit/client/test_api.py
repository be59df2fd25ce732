from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from crawlset_client.api import Crawlset
from crawlset_client.calls import ATTEMPTS, retry_after
from crawlset_client.errors import (
    ApiError,
    ConnectionLostError,
    ExportDamagedError,
    NotRunningError,
    UnexpectedAnswerError,
)
from tests.unit.client.fake_answers import API_KEY, API_URL, problem
from tests.unit.client.fake_api import FakeApi


def sleeping(api: FakeApi) -> tuple[Crawlset, list[float]]:
    slept: list[float] = []
    return Crawlset(API_URL, API_KEY, transport=api.transport, sleep=slept.append), slept


class TestLists:
    def test_gives_every_item_of_every_page(self, api: FakeApi, crawlset: Crawlset) -> None:
        for n in range(5):
            api.add_project(f"project {n}")

        names = [project.name for project in crawlset.projects.list()]

        assert names == [f"project {n}" for n in (4, 3, 2, 1, 0)]

    def test_asks_for_a_page_only_when_it_is_reached(
        self, api: FakeApi, crawlset: Crawlset
    ) -> None:
        for n in range(5):
            api.add_project(f"project {n}")

        next(crawlset.projects.list())

        assert len(api.requests) == 1


class TestCreate:
    def test_sends_one_key_with_all_repetitions_of_a_call(self, api: FakeApi) -> None:
        api.next_answers = [problem(429, "SlowDown", "Wait.", **{"retry-after": "7"})]
        crawlset, slept = sleeping(api)

        crawlset.projects.create("cats")

        keys = [request.headers["idempotency-key"] for request in api.requests]
        assert len(keys) == 2
        assert len(set(keys)) == 1
        assert slept == [7]

    def test_sends_another_key_with_another_call(self, api: FakeApi, crawlset: Crawlset) -> None:
        crawlset.projects.create("cats")
        crawlset.projects.create("dogs")

        assert len({request.headers["idempotency-key"] for request in api.requests}) == 2

    def test_is_sent_once_when_the_connection_breaks(self, api: FakeApi) -> None:
        api.next_answers = [httpx.ReadError("reset")]
        crawlset, _ = sleeping(api)

        with pytest.raises(ConnectionLostError, match="reset"):
            crawlset.projects.create("cats")

        assert len(api.requests) == 1

    def test_leaves_out_what_was_not_given(self, api: FakeApi, crawlset: Crawlset) -> None:
        project = api.add_project("cats")

        crawlset.jobs.create(project["id"], "cats", sources=["sample"], keywords=["cat"])

        sent = api.sent("POST", "/crawl-jobs")
        assert sent == {"name": "cats", "sources": ["sample"], "keywords": ["cat"]}


class TestRetry:
    def test_reads_again_when_the_connection_breaks(self, api: FakeApi) -> None:
        api.next_answers = [httpx.ReadError("reset")]
        crawlset, _ = sleeping(api)

        assert crawlset.get_health().status == "ok"

    def test_gives_up_after_five_times(self, api: FakeApi) -> None:
        api.next_answers = [problem(503, "Busy", "Too many.") for _ in range(ATTEMPTS + 1)]
        crawlset, slept = sleeping(api)

        with pytest.raises(ApiError, match="Too many"):
            crawlset.get_health()

        assert (len(api.requests), len(slept)) == (ATTEMPTS, ATTEMPTS - 1)

    def test_does_not_wait_for_longer_than_a_minute(self, api: FakeApi) -> None:
        api.next_answers = [problem(429, "SlowDown", "Tomorrow.", **{"retry-after": "86400"})]
        crawlset, slept = sleeping(api)

        with pytest.raises(ApiError, match="Tomorrow"):
            crawlset.get_health()

        assert slept == []

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("7", 7.0),
            ("Fri, 02 Jan 2026 00:00:30 GMT", 30.0),
            ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0),
            ("soon", None),
            ("-1", None),
            ("", None),
        ],
    )
    def test_understands_seconds_and_dates(self, value: str, seconds: float | None) -> None:
        now = datetime(2026, 1, 2, tzinfo=UTC)

        assert retry_after({"retry-after": value}, now) == seconds


class TestErrors:
    def test_carry_what_the_problem_says(self, crawlset: Crawlset) -> None:
        with pytest.raises(ApiError) as caught:
            crawlset.projects.get("00000000-0000-0000-0000-000000000000")

        error = caught.value
        assert (error.status, error.code, error.request_id) == (404, "NotFoundError", "request-1")

    def test_say_that_nothing_answers(self, api: FakeApi, crawlset: Crawlset) -> None:
        api.next_answers = [httpx.ConnectError("refused")]

        with pytest.raises(NotRunningError, match=r"http://api\.test\. Start it"):
            crawlset.get_health()

    def test_understand_a_gateway_that_knows_no_problems(
        self, api: FakeApi, crawlset: Crawlset
    ) -> None:
        headers = {"apigw-requestid": "abc"}
        api.next_answers = [httpx.Response(403, json={"message": "Forbidden"}, headers=headers)]

        with pytest.raises(ApiError, match=r"key is not accepted \(Forbidden\)") as caught:
            crawlset.get_health()

        assert (caught.value.code, caught.value.request_id) == ("Forbidden", "abc")

    @pytest.mark.parametrize(
        ("status", "said"), [(500, "500 Internal Server Error"), (404, "404 Not Found")]
    )
    @pytest.mark.parametrize("body", ["<html>", '{"error": "no such page"}', "[]"])
    @pytest.mark.parametrize("base", [API_URL, f"{API_URL}/below"])
    def test_name_the_address_that_refuses_as_no_crawlset_does(
        self, api: FakeApi, status: int, said: str, body: str, base: str
    ) -> None:
        crawlset = Crawlset(base, "key", transport=api.transport, sleep=lambda _: None)
        api.next_answers = [httpx.Response(status, text=body)] * 9

        with pytest.raises(ApiError, match=f"{API_URL} answers {said}, as no Crawlset does"):
            crawlset.get_health()

    def test_say_that_something_else_answers(self, api: FakeApi, crawlset: Crawlset) -> None:
        api.next_answers = [httpx.Response(200, text="<html>")]

        with pytest.raises(UnexpectedAnswerError):
            crawlset.get_health()

    def test_name_the_missing_key(self, api: FakeApi) -> None:
        crawlset = Crawlset(API_URL, None, transport=api.transport)

        with pytest.raises(ApiError, match="There is no API key"):
            list(crawlset.projects.list())

    def test_keep_an_id_from_another_path(self, api: FakeApi, crawlset: Crawlset) -> None:
        with pytest.raises(ApiError):
            crawlset.projects.get("../sources")

        assert api.requests[0].url.raw_path == b"/api/projects/..%2Fsources"


class TestUpload:
    def test_sends_the_file_without_the_key_of_the_api(
        self, api: FakeApi, crawlset: Crawlset, tmp_path: Path
    ) -> None:
        manifest = tmp_path / "urls.csv"
        manifest.write_bytes(b"url\n" * 200_000)
        sent: list[int] = []

        upload = crawlset.uploads.send("project", manifest, advance=sent.append)

        assert api.uploads == {upload.upload_id: manifest.read_bytes()}
        assert sum(sent) == 800_000

    def test_begins_anew_when_the_store_is_busy(
        self, api: FakeApi, crawlset: Crawlset, tmp_path: Path
    ) -> None:
        manifest = tmp_path / "urls.csv"
        manifest.write_bytes(b"url\nhttp://host.test/1\n")
        upload = crawlset.uploads.create("project", manifest.stat().st_size)
        api.next_answers = [
            httpx.Response(201, json=upload.document),
            httpx.Response(503),
        ]
        sent: list[int] = []

        crawlset.uploads.send("project", manifest, advance=sent.append)

        assert api.uploads == {upload.upload_id: manifest.read_bytes()}
        assert sum(sent) == manifest.stat().st_size

    def test_has_not_happened_when_the_store_sends_elsewhere(
        self, api: FakeApi, crawlset: Crawlset, tmp_path: Path
    ) -> None:
        """
        S3 sends a PUT elsewhere while a bucket is new; its body was not taken.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
        """
        manifest = tmp_path / "urls.csv"
        manifest.write_bytes(b"url\n")
        upload = crawlset.uploads.create("project", manifest.stat().st_size)
        elsewhere = "https://b.s3.eu-south-1.amazonaws.com/uploads/1?X-Amz-Signature=secret"
        api.next_answers = [
            httpx.Response(201, json=upload.document),
            httpx.Response(307, headers={"Location": elsewhere}),
        ]

        with pytest.raises(ApiError, match="eu-south-1") as raised:
            crawlset.uploads.send("project", manifest)

        assert raised.value.status == 307
        assert "secret" not in str(raised.value)
        assert not api.uploads


class TestImages:
    def test_are_read_where_the_service_says(self, api: FakeApi, crawlset: Crawlset) -> None:
        content = {
            "url": f"{API_URL}/store/pack.tar",
            "headers": {"Range": "bytes=512-600"},
            "file_size": 89,
            "sha256": "0" * 64,
            "expires_at": "2026-01-01T00:00:00Z",
        }
        api.next_answers = [
            httpx.Response(200, json=content),
            httpx.Response(206, content=b"picture"),
        ]

        assert crawlset.images.read("p", "j", 7) == b"picture"
        asked, stored = api.requests
        assert asked.url.path == "/api/projects/p/crawl-jobs/j/images/7/content"
        assert (stored.url, stored.headers["range"]) == (content["url"], "bytes=512-600")
        assert "authorization" not in stored.headers

    def test_are_shown_small(self, api: FakeApi, crawlset: Crawlset) -> None:
        api.next_answers = [httpx.Response(200, content=b"jpeg")]

        assert crawlset.images.read_thumbnail("p", "j", 7, size=64) == b"jpeg"
        assert api.requests[0].url.path == "/api/projects/p/crawl-jobs/j/images/7/thumbnail"
        assert dict(api.requests[0].url.params) == {"size": "64"}


class TestDownload:
    def test_writes_the_file(self, api: FakeApi, crawlset: Crawlset, tmp_path: Path) -> None:
        file = next(crawlset.exports.list_files("p", "j", "e"))

        crawlset.exports.download(file, tmp_path / "file")

        assert (tmp_path / "file").read_bytes() == api.files["data/train-00000.zip"]

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda _, body: body[:-1], "bytes instead of"),
            (lambda _, body: body + b"more", "bytes instead of"),
            (lambda _, body: bytes([body[0] ^ 1]) + body[1:], "SHA-256"),
        ],
        ids=["short", "long", "changed"],
    )
    def test_leaves_nothing_of_a_damaged_file(
        self, api: FakeApi, crawlset: Crawlset, tmp_path: Path, damage: object, message: str
    ) -> None:
        api.damage = damage  # type: ignore[assignment]
        file = next(crawlset.exports.list_files("p", "j", "e"))

        with pytest.raises(ExportDamagedError, match=message):
            crawlset.exports.download(file, tmp_path / "file")

        assert list(tmp_path.iterdir()) == []

    def test_goes_on_where_it_was_interrupted(
        self, api: FakeApi, crawlset: Crawlset, tmp_path: Path
    ) -> None:
        file = next(crawlset.exports.list_files("p", "j", "e"))
        body = api.files[file.name]
        (tmp_path / "file.partial").write_bytes(body[:100])
        shown: list[int] = []

        crawlset.exports.download(file, tmp_path / "file", advance=shown.append)

        assert (tmp_path / "file").read_bytes() == body
        assert api.requests[-1].headers["range"] == "bytes=100-"
        assert sum(shown) == len(body)

    @pytest.mark.parametrize("beginning", [b"another file", b"x" * 10_000])
    def test_begins_anew_after_what_is_of_another_file(
        self, api: FakeApi, crawlset: Crawlset, tmp_path: Path, beginning: bytes
    ) -> None:
        file = next(crawlset.exports.list_files("p", "j", "e"))
        (tmp_path / "file.partial").write_bytes(beginning)

        with pytest.raises(ExportDamagedError):
            crawlset.exports.download(file, tmp_path / "file")
        crawlset.exports.download(file, tmp_path / "file")

        assert (tmp_path / "file").read_bytes() == api.files[file.name]

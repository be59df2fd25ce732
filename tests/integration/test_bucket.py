"""The fetchers' S3 client against a server that answers as told, and against the emulator."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from obstore.exceptions import BaseError, GenericError

from crawlset.fetching import bucket
from crawlset.kit import aws as clients
from crawlset.kit import objects
from crawlset.kit.json_lines import pack_lines

KEY = "jobs/1/chunks/2/outcome"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class S3:
    """Answers each method with its next status, the last one again and again; 200 unless told."""

    statuses: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [200]))
    bodies: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def answer(self, request: Request) -> tuple[int, bytes]:
        with self.lock:
            self.requests.append(request)
            statuses = self.statuses[request.method]
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        return status, self.bodies.get(request.method, b"")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    s3 = S3()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = s3.answer(Request(self.command, self.path, headers))
            self.send_response(status)
            for header in ("ETag", "Last-Modified"):
                self.send_header(header, "Mon, 23 Nov 2026 01:00:00 GMT")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a token")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    bucket.store.cache_clear()
    yield s3
    bucket.store.cache_clear()
    server.shutdown()
    server.server_close()


class TestRequests:
    def test_are_signed_with_the_environments_key_token_and_region(self, s3: S3) -> None:
        bucket.exists(KEY)

        (request,) = s3.requests
        assert request.path == f"/crawlset-test/{KEY}"
        assert request.headers["x-amz-security-token"] == "a token"
        assert "Credential=test/" in request.headers["authorization"]
        assert "/eu-central-1/s3/aws4_request" in request.headers["authorization"]

    def test_are_made_again_when_the_server_fails(self, s3: S3) -> None:
        s3.statuses["HEAD"] = [503, 500, 200]

        assert bucket.exists(KEY)
        assert s3.methods == ["HEAD"] * 3

    def test_are_not_made_for_ever(self, s3: S3) -> None:
        s3.statuses["HEAD"] = [503]

        with pytest.raises(GenericError):
            bucket.exists(KEY)

        assert len(s3.requests) == 1 + bucket.N_RETRIES

    def test_tell_a_bucket_that_takes_nothing_by_name(self, s3: S3, tmp_path: Path) -> None:
        s3.statuses["PUT"] = [503]
        (tmp_path / "pack.tar").write_bytes(b"pack")

        with pytest.raises(GenericError):
            bucket.put_file(KEY, tmp_path / "pack.tar")
        with pytest.raises(GenericError):
            bucket.put_once(KEY, b"outcome")


class TestExists:
    @pytest.mark.parametrize(("status", "expected"), [(200, True), (404, False), (403, False)])
    def test_takes_forbidden_for_absent(self, s3: S3, status: int, expected: bool) -> None:
        s3.statuses["HEAD"] = [status]

        assert bucket.exists(KEY) is expected


class TestGetLines:
    def test_gives_what_was_packed(self, s3: S3) -> None:
        s3.bodies["GET"] = pack_lines([{"head": 1}, {"n": 0}])

        assert list(bucket.get_lines(KEY)) == [{"head": 1}, {"n": 0}]

    def test_raises_when_there_are_none(self, s3: S3) -> None:
        s3.statuses["GET"] = [404]

        with pytest.raises(FileNotFoundError):
            bucket.get_lines(KEY)


class TestPutOnce:
    @pytest.mark.parametrize(("status", "expected"), [(200, True), (412, False), (409, False)])
    def test_says_whether_it_wrote(self, s3: S3, status: int, expected: bool) -> None:
        s3.statuses["PUT"] = [status]

        assert bucket.put_once(KEY, b"body") is expected
        assert s3.requests[0].headers["if-none-match"] == "*"

    def test_raises_when_it_may_not_write(self, s3: S3) -> None:
        s3.statuses["PUT"] = [403]

        with pytest.raises(BaseError):
            bucket.put_once(KEY, b"body")


class TestPutFile:
    @pytest.mark.parametrize(
        ("status", "error"), [(403, ClientError), (503, GenericError)], ids=["never", "not_now"]
    )
    def test_leaves_no_parts_behind_when_one_fails(
        self, s3: S3, tmp_path: Path, status: int, error: type[Exception]
    ) -> None:
        path = tmp_path / "pack.tar"
        path.write_bytes(bytes(bucket.PART_BYTES + 1))
        s3.bodies["POST"] = (
            b"<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>"
        )
        s3.statuses["PUT"] = [status]
        s3.statuses["DELETE"] = [204]

        with pytest.raises(error):
            bucket.put_file(KEY, path)

        (removal,) = [request for request in s3.requests if request.method == "DELETE"]
        assert removal.path.endswith("?uploadId=7")
        clients.clear()

    def test_takes_nothings_place(self, s3: S3, tmp_path: Path) -> None:
        (tmp_path / "pack.tar").write_bytes(b"pack")

        bucket.put_file(KEY, tmp_path / "pack.tar")

        assert s3.requests[0].headers["if-none-match"] == "*"

    def test_takes_what_is_there_for_its_own(self, s3: S3, tmp_path: Path) -> None:
        """Names of packs have a token; an answer may have been lost."""
        s3.statuses["PUT"] = [503, 412]
        (tmp_path / "pack.tar").write_bytes(b"pack")

        bucket.put_file(KEY, tmp_path / "pack.tar")

        assert s3.methods == ["PUT", "PUT"]

    @pytest.mark.parametrize("size", [1000, bucket.PART_BYTES + 1], ids=["whole", "in_parts"])
    def test_leaves_what_is_there_as_it_is(
        self, emulated_bucket: str, tmp_path: Path, size: int
    ) -> None:
        objects.put(KEY, b"there before")
        (tmp_path / "pack.tar").write_bytes(bytes(size))

        bucket.put_file(KEY, tmp_path / "pack.tar")

        assert objects.get(KEY) == b"there before"

    @pytest.mark.parametrize(("size", "n_parts"), [(0, 0), (1000, 0), (bucket.PART_BYTES + 1, 2)])
    def test_writes_a_large_file_in_parts(
        self, emulated_bucket: str, tmp_path: Path, size: int, n_parts: int
    ) -> None:
        path = tmp_path / "pack.tar"
        path.write_bytes(bytes(size))

        bucket.put_file(KEY, path)

        found = objects.head(KEY)
        assert found is not None
        assert found[0] == size
        assert found[1].strip('"').partition("-")[2] == (str(n_parts) if n_parts else "")


class TestInTheEmulator:
    def test_writes_once_and_reads(self, emulated_bucket: str) -> None:
        body = pack_lines([{"head": 1}])

        assert bucket.put_once(KEY, body)
        assert not bucket.put_once(KEY, b"other")
        assert list(bucket.get_lines(KEY)) == [{"head": 1}]
        assert bucket.exists(KEY)

    @pytest.mark.parametrize(
        ("asked", "part", "said"),
        [
            ("bytes=2-4", b"234", "bytes 2-4/10"),
            ("bytes=8-99", b"89", "bytes 8-9/10"),
            ("bytes=7-", b"789", "bytes 7-9/10"),
            ("bytes=-3", b"789", "bytes 7-9/10"),
        ],
    )
    def test_gives_the_part_that_is_asked_of_an_object(
        self, emulated_bucket: str, asked: str, part: bytes, said: str
    ) -> None:
        objects.put(KEY, b"0123456789")

        answer = clients.s3().get_object(Bucket=emulated_bucket, Key=KEY, Range=asked)

        assert (answer["Body"].read(), answer["ContentRange"]) == (part, said)
        assert objects.get(KEY) == b"0123456789"

    @pytest.mark.parametrize("body", [b"", b"0123456789"])
    def test_refuses_a_part_that_an_object_has_not(self, emulated_bucket: str, body: bytes) -> None:
        objects.put(KEY, body)

        with pytest.raises(ClientError) as raised:
            objects.get_range(KEY, 10, 1)

        assert raised.value.response["Error"]["Code"] == "InvalidRange"

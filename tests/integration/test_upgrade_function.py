"""CloudFormation hears how a migration went, whatever becomes of it."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from crawlset.kit import aws, custom_resource
from functions.upgrade import app
from tests.certificates import self_signed
from tests.invocations import CONTEXT

VERSION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:migrate:7"
ANSWERS_PATH = "/answers"


@dataclass
class Aws:
    """Lambda and the bucket of answers, on one port."""

    url: str = ""
    migration: tuple[int, dict[str, str], Any] = (200, {}, {"revision": "037"})
    """Status, headers and body of the function that migrates."""
    n_refused: int = 0
    """Answers that the bucket refuses at first."""
    invoked: list[tuple[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, Any]] = field(default_factory=list)
    """Content type and body."""


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    known = Aws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known.invoked.append((self.path, self.body()))
            status, headers, body = known.migration
            self.answer(status, json.dumps(body).encode(), headers)

        def do_PUT(self) -> None:
            body = self.body()
            if known.n_refused:
                known.n_refused -= 1
                self.answer(503, b"", {})
                return
            known.answers.append((self.headers["Content-Type"], body))
            self.answer(200, b"", {})

        def body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    certificate = tmp_path / "localhost.pem"
    certificate.write_bytes(self_signed("localhost"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    known.url = f"https://localhost:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", known.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    aws.clear()
    yield known
    aws.clear()
    server.shutdown()
    server.server_close()
    thread.join()


def ask(cloud: Aws, request_type: str = "Update") -> None:
    """
    Have the function handle a request of CloudFormation.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html
    """
    request = {
        "RequestType": request_type,
        "ResponseURL": f"{cloud.url}{ANSWERS_PATH}",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/crawlset/1",
        "RequestId": "request-1",
        "ResourceType": "Custom::DatabaseMigration",
        "LogicalResourceId": "DatabaseMigration",
        "PhysicalResourceId": app.RESOURCE_ID,
        "ResourceProperties": {"ServiceToken": "arn", "MigrateVersionArn": VERSION_ARN},
        "OldResourceProperties": {"ServiceToken": "arn", "MigrateVersionArn": "arn:old"},
    }
    app.handler(request, CONTEXT)


class TestUpgrade:
    @pytest.mark.parametrize("request_type", ["Create", "Update"])
    def test_migrates_by_the_version_that_is_named_and_says_so(
        self, cloud: Aws, request_type: str
    ) -> None:
        ask(cloud, request_type)

        [(path, event)] = cloud.invoked
        [(content_type, answer)] = cloud.answers
        assert path.replace("%3A", ":").split("/")[3] == VERSION_ARN
        assert event == {"action": "upgrade"}
        assert content_type == ""
        assert answer == {
            "Status": "SUCCESS",
            "Reason": "{'revision': '037'}",
            "PhysicalResourceId": app.RESOURCE_ID,
            "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/crawlset/1",
            "RequestId": "request-1",
            "LogicalResourceId": "DatabaseMigration",
        }

    def test_leaves_the_database_when_the_stack_goes(self, cloud: Aws) -> None:
        ask(cloud, "Delete")

        assert cloud.invoked == []
        assert [answer["Status"] for _, answer in cloud.answers] == ["SUCCESS"]

    def test_tells_why_a_migration_failed(self, cloud: Aws) -> None:
        failed = {"errorType": "LockNotAvailable", "errorMessage": "lock timeout"}
        cloud.migration = (200, {"X-Amz-Function-Error": "Unhandled"}, failed)

        ask(cloud)

        [(_, answer)] = cloud.answers
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == "FunctionFailedError: LockNotAvailable: lock timeout"

    def test_begins_a_migration_once_even_if_lambda_fails(self, cloud: Aws) -> None:
        """What was begun goes on; a second would fail for the lock of the first."""
        cloud.migration = (500, {}, {"Message": "internal"})

        ask(cloud)

        [(_, answer)] = cloud.answers
        assert answer["Status"] == "FAILED"
        assert len(cloud.invoked) == 1

    def test_answers_again_if_the_answer_is_not_taken(self, cloud: Aws) -> None:
        cloud.n_refused = 2

        ask(cloud)

        assert [answer["Status"] for _, answer in cloud.answers] == ["SUCCESS"]

    def test_keeps_a_long_reason_below_what_cloudformation_takes(self, cloud: Aws) -> None:
        def fail(_: Any) -> str:
            raise ValueError("x" * 10_000)

        sent: list[bytes] = []
        request = {
            "RequestType": "Create",
            "ResponseURL": "https://localhost/",
            "ResourceProperties": {},
            **dict.fromkeys(("StackId", "RequestId", "LogicalResourceId"), "an-id"),
        }

        custom_resource.answer(request, "database", fail, lambda _, body: sent.append(body))

        [body] = sent
        assert len(body) < 4_096
        assert json.loads(body)["Status"] == "FAILED"

    def test_sends_no_answer_in_clear(self) -> None:
        with pytest.raises(ValueError, match="HTTPS"):
            custom_resource.put("http://localhost/", b"{}")

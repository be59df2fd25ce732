"""The laptop cloud on a toy template that uses every kind of resource the real one does."""

import gzip
import json
import os
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import certifi
import pytest

from crawlset_local.cloud import LocalCloud
from crawlset_local.errors import DeployError, FunctionFailedError, HomeBusyError, PortBusyError
from crawlset_local.ports import Ports
from crawlset_local.processes import wait_until
from tests.ports import free_ports

TOY = Path(__file__).parent / "local_toy" / "template.yaml"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_PROFILE", "of-the-user")
        shell.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
        shell.setenv("HTTP_PROXY", "http://192.0.2.1")
        shell.setenv("SSL_CERT_FILE", os.path.relpath(certifi.where()))
        cloud = LocalCloud(
            tmp_path_factory.mktemp("cloud") / "home",
            free_ports(),
            template=TOY,
            with_sample_site=False,
        )
        cloud.start()
        yield cloud
        cloud.stop()
        cloud.erase()


def ask(
    cloud: LocalCloud, path: str, key: str | None = None, **arguments: Any
) -> tuple[int, dict[str, str], Any]:
    key = cloud.api_key if key is None else key
    request = urllib.request.Request(cloud.api_url + path, **arguments)
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, dict(answer.headers), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.load(error)


def seen(cloud: LocalCloud) -> list[str]:
    keys: list[str] = ask(cloud, "/api/seen")[2]
    return keys


class TestGateway:
    def test_open_route_needs_no_key(self, cloud: LocalCloud) -> None:
        status, _, body = ask(cloud, "/api/health", key="")

        assert (status, body) == (200, {"status": "ok"})

    def test_forwards_method_query_header_and_body(self, cloud: LocalCloud) -> None:
        status, _, body = ask(
            cloud,
            "/api/echo?a=1&a=2&b=%2F",
            method="PATCH",
            data=b'{"x": 1}',
            headers={"X-Toy": "toy", "Content-Type": "application/json"},
        )

        assert status == 200
        assert body == {
            "method": "PATCH",
            "query": "a=1&a=2&b=%2F",
            "header": "toy",
            "body": '{"x": 1}',
        }

    @pytest.mark.parametrize(
        ("path", "key", "status", "code"),
        [
            ("/api/seen", "", 401, "UnauthorizedError"),
            ("/api/seen", "another", 403, "ForbiddenError"),
            ("/nowhere", None, 404, "NotFoundError"),
            ("/api/raise", None, 503, "ServiceUnavailableError"),
            ("/api/silent", None, 504, "GatewayTimeoutError"),
        ],
    )
    def test_tells_errors_as_problems(
        self, cloud: LocalCloud, path: str, key: str | None, status: int, code: str
    ) -> None:
        answered, headers, problem = ask(cloud, path, key=key)

        assert (answered, headers["Content-Type"]) == (status, "application/problem+json")
        assert problem.keys() == {"type", "title", "status", "detail", "code", "request_id"}
        assert (problem["status"], problem["code"]) == (status, code)
        assert ("Retry-After" in headers) is (status == 503)
        assert "secret" not in json.dumps(problem)

    def test_keeps_the_problem_of_the_api(self, cloud: LocalCloud) -> None:
        status, _, body = ask(cloud, "/api/problem")

        assert (status, body) == (409, {"code": "ToyConflictError"})

    def test_lets_a_burst_wait_its_turn(self, cloud: LocalCloud) -> None:
        with ThreadPoolExecutor(30) as callers:
            answers = list(callers.map(lambda _: ask(cloud, "/api/echo")[0], range(90)))

        assert answers == [200] * 90

    def test_refuses_a_body_the_api_would_not_take(self, cloud: LocalCloud) -> None:
        status, _, problem = ask(cloud, "/api/echo", data=bytes(10 * 1024 * 1024 + 1))

        assert (status, problem["code"]) == (413, "PayloadTooLargeError")


class TestFunctions:
    def test_object_event_reaches_the_worker_by_prefix_and_suffix(self, cloud: LocalCloud) -> None:
        s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]

        for key in ("jobs/1/other", "uploads/1/outcome", "jobs/1/outcome"):
            s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(b"{}"))

        assert wait_until(lambda: "jobs/1/outcome" in seen(cloud), 60)
        assert {"jobs/1/other", "uploads/1/outcome"}.isdisjoint(seen(cloud))

    def test_fifo_message_reaches_the_worker(self, cloud: LocalCloud) -> None:
        cloud.client("sqs").send_message(
            QueueUrl=cloud.outputs["LaneQueueUrl"],
            MessageBody='{"keys": ["lane"]}',
            MessageGroupId="host#0",
            MessageDeduplicationId="1",
        )

        assert wait_until(lambda: "lane" in seen(cloud), 60)

    def test_state_machine_matches_an_error_by_its_class(self, cloud: LocalCloud) -> None:
        states = cloud.client("stepfunctions")

        execution = states.start_execution(stateMachineArn=cloud.outputs["MachineArn"], input="{}")[
            "executionArn"
        ]

        def ended() -> bool:
            return bool(states.describe_execution(executionArn=execution)["status"] != "RUNNING")

        assert wait_until(ended, 60)
        assert json.loads(states.describe_execution(executionArn=execution)["output"]) == {
            "caught": True
        }

    def test_invoke_raises_the_error_of_the_handler(self, cloud: LocalCloud) -> None:
        with pytest.raises(FunctionFailedError, match="as asked") as raised:
            cloud.invoke("WorkerFunction", {"action": "fail"})

        assert raised.value.type == "ToyError"

    def test_role_may_do_what_its_policies_say_only(self, cloud: LocalCloud) -> None:
        status, _, _ = ask(cloud, "/api/secrets")

        assert status == 503
        log = (cloud.home / "logs" / "gateway.log").read_text()
        assert "AccessDenied" in log

    def test_is_told_which_certificates_the_user_trusts(self, cloud: LocalCloud) -> None:
        _, _, environment = ask(cloud, "/api/environment")

        assert environment["SSL_CERT_FILE"] == certifi.where()

    def test_environment_has_nothing_else_of_the_users_shell(self, cloud: LocalCloud) -> None:
        _, _, environment = ask(cloud, "/api/environment")

        assert environment["AWS_ENDPOINT_URL"] == cloud.emulator_url
        assert environment["STAGE"] == "local"
        assert {"AWS_PROFILE", "HTTP_PROXY"}.isdisjoint(environment)
        assert "192.0.2.1" not in json.dumps(environment)


class TestHome:
    def test_profile_is_ours_alone(self, cloud: LocalCloud) -> None:
        path = cloud.home / "profile.json"

        profile = json.loads(path.read_text())

        assert profile == {
            "api_url": cloud.api_url,
            "api_key": "toy-key",
            "profile_id": "toy-profile",
        }
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_belongs_to_one_cloud_at_a_time(self, cloud: LocalCloud) -> None:
        second = LocalCloud(cloud.home, free_ports(), template=TOY)

        with pytest.raises(HomeBusyError, match=str(os.getpid())):
            second.start()

    @pytest.mark.parametrize(
        ("part", "option"),
        [
            ("gateway", "--port"),
            ("emulator", "--emulator-port"),
            ("postgres", "--postgres-port"),
            ("sample", "--sample-port"),
        ],
    )
    def test_busy_port_names_its_option(
        self, cloud: LocalCloud, tmp_path: Path, part: str, option: str
    ) -> None:
        busy = {part: cloud.ports.gateway}
        ports = Ports(**(vars(free_ports()) | busy))

        with pytest.raises(PortBusyError) as raised:
            LocalCloud(tmp_path / "home", ports, template=TOY).start()

        assert str(raised.value) == (
            f"Port {cloud.ports.gateway} on 127.0.0.1 is in use; choose another with {option}."
        )


class TestDeploy:
    def test_failure_names_the_resource_and_the_reason(
        self, cloud: LocalCloud, tmp_path: Path
    ) -> None:
        template = tmp_path / "template.yaml"
        template.write_text(
            """
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Bucket:
                Type: AWS::S3::Bucket
                Properties:
                  NotificationConfiguration:
                    QueueConfigurations:
                      - Event: s3:ObjectCreated:*
                        Queue: arn:aws:sqs:us-east-1:000000000000:missing
            """
        )
        broken = LocalCloud(
            tmp_path / "home", free_ports(), template=template, with_sample_site=False
        )

        with pytest.raises(DeployError, match=r"Bucket \(AWS::S3::Bucket\): .*destination"):
            broken.start()

        assert broken.pids == {}
        broken.erase()

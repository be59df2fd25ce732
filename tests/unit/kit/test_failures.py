"""What is our own fault is counted by the version of the function, for its rollout's alarm."""

import json
from typing import Any

import pytest

from crawlset.errors import DatabaseAwayError, NotFoundError
from crawlset.kit.batch import handle_each
from crawlset.kit.http import build_app
from crawlset.observability import metrics
from tests.invocations import CONTEXT, request
from tests.mocked_aws import mocked_aws

NAMES = ("service", "function", "version")


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "crawlset-api")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_VERSION", "7")
    yield
    metrics.clear_metrics()


def counted(printed: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [line for line in lines if "Failures" in line]


def raising(error: Exception) -> Any:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def ask(error: Exception) -> int:
    app = build_app([])

    @app.get("/api/broken")
    def broken() -> None:
        raise error

    status: int = app.resolve(request("GET", "/api/broken"), CONTEXT)["statusCode"]
    return status


def deliver(error: Exception) -> None:
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:work",
    }
    with mocked_aws():
        handle_each({"Records": [record, record | {"messageId": "n"}]}, raising(error))


class TestFailures:
    def test_are_answers_that_nobody_expected(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert ask(KeyError("a bug")) == 500

        [line] = counted(capsys.readouterr().out)
        [told] = line["_aws"]["CloudWatchMetrics"]
        assert set(told["Dimensions"][0]) == set(NAMES)
        assert {name: line[name] for name in NAMES[1:]} == {
            "function": "crawlset-api",
            "version": "7",
        }

    @pytest.mark.parametrize(
        "error",
        [NotFoundError("project", "x"), DatabaseAwayError(may_have_committed=False)],
        ids=["not found", "away"],
    )
    def test_are_none_of_callers_or_of_a_database_that_is_away(
        self, capsys: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        ask(error)
        deliver(DatabaseAwayError(may_have_committed=False))

        assert counted(capsys.readouterr().out) == []

    def test_are_messages_that_waiting_does_not_mend(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deliver(KeyError("a bug"))

        assert len(counted(capsys.readouterr().out)) == 2

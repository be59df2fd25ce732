"""The laptop's Lambda runtime, without the Runtime API."""

import json
from decimal import Decimal
from email.message import Message
from http.client import HTTPMessage
from typing import Any

import pytest

from crawlset_local.runtime_bootstrap import MAX_RESPONSE_BYTES, Context, invoke


@pytest.fixture
def headers(monkeypatch: pytest.MonkeyPatch) -> HTTPMessage:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "toy")
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/toy")
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    message: Message = HTTPMessage()
    message["Lambda-Runtime-Aws-Request-Id"] = "request"
    message["Lambda-Runtime-Deadline-Ms"] = "0"
    assert isinstance(message, HTTPMessage)
    return message


class ToyError(Exception):
    pass


class TestInvoke:
    def test_answers_with_what_the_handler_returns(self, headers: HTTPMessage) -> None:
        def handler(event: Any, context: Context) -> Any:
            return {"event": event, "id": context.aws_request_id, "price": Decimal("1.5")}

        outcome, payload = invoke(handler, headers, b'{"a": "\xc3\xa4"}')

        assert outcome == "response"
        assert json.loads(payload) == {"event": {"a": "ä"}, "id": "request", "price": 1.5}

    def test_error_keeps_its_class_name(self, headers: HTTPMessage) -> None:
        def handler(event: Any, context: Context) -> Any:
            raise ToyError("why")

        outcome, payload = invoke(handler, headers, b"{}")

        error = json.loads(payload)
        assert outcome == "error"
        assert (error["errorType"], error["errorMessage"]) == ("ToyError", "why")
        assert "raise ToyError" in error["stackTrace"][-1]

    @pytest.mark.parametrize(
        ("answer", "error_type"),
        [
            (object(), "Runtime.MarshalError"),
            ("x" * MAX_RESPONSE_BYTES, "Function.ResponseSizeTooLarge"),
        ],
        ids=["not JSON", "too large"],
    )
    def test_refuses_an_answer_lambda_would_not_take(
        self, headers: HTTPMessage, answer: object, error_type: str
    ) -> None:
        outcome, payload = invoke(lambda _event, _context: answer, headers, b"{}")

        assert (outcome, json.loads(payload)["errorType"]) == ("error", error_type)

"""Lambda as far as it answers for the function of the towers: the real one, with toy towers."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from crawlset.kit import aws
from functions.towers import app
from tests.invocations import CONTEXT

ARN = "arn:aws:lambda:us-east-1:123456789012:function:stack-towers"
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Body(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


class TowersFunction:
    """
    Answers `Invoke` as Lambda does, and remembers the events.

    An error of the handler is a 200 with the header X-Amz-Function-Error and the error as JSON:
    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and
    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html.
    """

    def __init__(self, handler: Handler = app.handler) -> None:
        self.handler = handler
        self.events: list[dict[str, Any]] = []
        self.status = 200

    def deploy(self) -> None:
        """Answer from here on, in place of moto, which would start docker."""
        events: Any = aws.functions().meta.events
        events.register_first("before-send.lambda.Invoke", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        assert ARN.replace(":", "%3A") in request.url
        sent: Any = request.body
        event = json.loads(sent)
        self.events.append(event)
        if self.status != 200:
            body: dict[str, Any] = {"Reason": "ConcurrentInvocationLimitExceeded", "message": "no"}
            kind = {"x-amzn-ErrorType": "TooManyRequestsException"}
            return self._response(request, kind, body)
        try:
            return self._response(request, {}, self.handler(event, CONTEXT))
        except Exception as error:  # noqa: BLE001 - whatever it raises
            told = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            return self._response(request, {"X-Amz-Function-Error": "Unhandled"}, told)

    def _response(
        self, request: AWSPreparedRequest, headers: dict[str, str], body: dict[str, Any]
    ) -> AWSResponse:
        told: Any = headers
        return AWSResponse(request.url, self.status, told, Body(json.dumps(body).encode()))

"""
The laptop's Lambda runtime: the Runtime API's loop around a Python handler.

Errors keep their own class name, which Step Functions matches; a handler's error leaves the
environment warm; any interpreter serves. Standard library only, as it starts with every
environment.
"""

import http.client
import importlib
import io
import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Any

RUNTIME_API = "/2018-06-01/runtime"
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
"""What Lambda lets a synchronous function answer."""

PARENT_POLL_SECONDS = 0.5


class Context:
    """What a handler learns of its invocation, by Lambda's names."""

    identity = None
    client_context = None

    def __init__(self, headers: HTTPMessage) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn")
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self._deadline_ms = int(headers.get("Lambda-Runtime-Deadline-Ms", "0"))

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline_ms - int(time.time() * 1000))


def main() -> int:
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    _describe_environment()
    connection = _connect()
    try:
        handler = _load_handler()
    except BaseException as error:  # noqa: BLE001, whatever it is, Lambda is told
        traceback.print_exc()
        _post(connection, "/init/error", _encode(_describe(error)))
        return 1
    while True:
        invocation = _next_invocation(connection)
        if invocation is None:
            return 0
        headers, body = invocation
        outcome, payload = invoke(handler, headers, body)
        sys.stderr.flush()
        # The emulator waits 50 ms for the log of an invocation that prints nothing.
        sys.stdout.write("\n")
        sys.stdout.flush()
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        _post(connection, f"/invocation/{request_id}/{outcome}", payload)


def invoke(
    handler: Callable[[Any, Context], Any], headers: HTTPMessage, body: bytes
) -> tuple[str, bytes]:
    """Run `handler` once; `("response", …)` or `("error", …)` as the Runtime API takes them."""
    trace_id = headers.get("Lambda-Runtime-Trace-Id")
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        answer = handler(json.loads(body), Context(headers))
    except Exception as error:  # noqa: BLE001, whatever it is, Lambda is told
        sys.stdout.write("[ERROR] " + "".join(traceback.format_exception(error)))
        return "error", _encode(_describe(error))
    try:
        payload = _encode(answer)
    except (TypeError, ValueError) as error:
        return "error", _encode(
            {
                "errorType": "Runtime.MarshalError",
                "errorMessage": f"Unable to marshal response: {error}",
                "stackTrace": [],
            }
        )
    if len(payload) > MAX_RESPONSE_BYTES:
        return "error", _encode(
            {
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": "Response payload size exceeded maximum allowed payload size "
                f"({MAX_RESPONSE_BYTES} bytes).",
                "stackTrace": [],
            }
        )
    return "response", payload


def _end_with_parent(parent: int) -> None:
    """End the process once the emulator that started it is gone, even within a handler."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_SECONDS)
    os._exit(1)


def _describe_environment() -> None:
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    os.environ.setdefault("AWS_LAMBDA_LOG_GROUP_NAME", f"/aws/lambda/{name}")
    os.environ.setdefault("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    os.environ.setdefault(
        "AWS_EXECUTION_ENV",
        f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def _load_handler() -> Callable[[Any, Context], Any]:
    module, function = os.environ["_HANDLER"].rsplit(".", 1)
    handler: Callable[[Any, Context], Any] = getattr(
        importlib.import_module(module.replace("/", ".")), function
    )
    return handler


def _connect() -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _next_invocation(connection: http.client.HTTPConnection) -> tuple[HTTPMessage, bytes] | None:
    connection.request("GET", f"{RUNTIME_API}/invocation/next")
    if hasattr(socket, "TCP_QUICKACK"):
        # The server writes head and body apart; a delayed acknowledgement costs 40 ms.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    try:
        response = connection.getresponse()
        body = response.read()
    except (http.client.HTTPException, OSError):
        return None
    if response.status != HTTPStatus.OK:
        return None
    return response.headers, body


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    connection.request("POST", RUNTIME_API + path, body, {"Content-Type": "application/json"})
    connection.getresponse().read()


def _describe(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_list(frames),
    }


def _encode(value: Any) -> bytes:
    return json.dumps(value, default=_encode_decimal, ensure_ascii=False).encode()


def _encode_decimal(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


if __name__ == "__main__":
    sys.exit(main())

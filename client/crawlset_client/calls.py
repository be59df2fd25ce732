"""One HTTP call: sent again when the service asks for it, and turned into our errors."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from crawlset_client.errors import ApiError, ConnectionLostError, NotRunningError
from crawlset_client.late import late_import

if TYPE_CHECKING:
    import httpx
else:
    httpx = late_import("httpx")

Sleep = Callable[[float], None]

ATTEMPTS = 5
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 60.0
"""A service that asks for more is not waited for."""

ASKED_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
HARMLESS = frozenset({"GET", "PUT"})
"""Methods to send again when it is unknown whether the first call was heard."""
NO_KEY = "There is no API key. Set CRAWLSET_API_KEY, or run this where `crawlset up` was run."

type Request = Callable[[], httpx.Response]


def send(
    http: httpx.Client, request: httpx.Request, *, sleep: Sleep = time.sleep
) -> httpx.Response:
    """
    The answer to `request`, which must be repeatable.

    Sent again after 429 and 503, as long as Retry-After says, and when a harmless call broke.
    Raises `ApiError`, `NotRunningError` or `ConnectionLostError`.
    """
    is_harmless = request.method in HARMLESS
    return repeat(
        lambda: http.send(request), str(request.url), is_harmless=is_harmless, sleep=sleep
    )


def repeat(request: Request, url: str, *, is_harmless: bool, sleep: Sleep) -> httpx.Response:
    """Send a request that has to be made anew for each attempt; otherwise like `send`."""
    for attempt in range(1, ATTEMPTS + 1):
        is_last = attempt == ATTEMPTS
        try:
            with transport_errors(url):
                response = request()
        except ConnectionLostError:
            if is_last or not is_harmless:
                raise
            sleep(_delay(attempt))
            continue
        if response.status_code not in ASKED_AGAIN or is_last:
            break
        seconds = retry_after(response.headers, datetime.now(UTC))
        if seconds is not None and seconds > LONGEST_DELAY_SECONDS:
            break
        sleep(_delay(attempt) if seconds is None else seconds)
    if not response.is_success:
        raise error_of(response)
    return response


@contextmanager
def transport_errors(url: str) -> Iterator[None]:
    """Turn httpx's errors into ours: nothing listens there, or the connection broke."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NotRunningError(origin(url)) from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise ConnectionLostError(origin(url), reason.rstrip(".")) from error


def origin(url: str) -> str:
    """Scheme, host and port, without what may be secret in a URL."""
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode()}"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait; None without one (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def error_of(response: httpx.Response) -> ApiError:
    """The problem that an answer holds, or what can be said without one."""
    body = _json_object(response)
    status = response.status_code
    reason = response.reason_phrase or f"status {status}"
    detail = body.get("detail") or body.get("message") or body.get("title")
    if detail is None and "/api/" in response.request.url.path:
        address = origin(str(response.request.url))
        detail = f"{address} answers {status} {reason}, as no Crawlset does."
    if response.has_redirect_location:
        target = origin(response.headers["location"])
        detail = f"{origin(str(response.request.url))} sends to {target}, which is not followed."
    code = body.get("code") or reason.title().replace(" ", "")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and "code" not in body:
        detail = f"The API key is not accepted ({detail or reason}). Set CRAWLSET_API_KEY."
    if status == HTTPStatus.UNAUTHORIZED and "authorization" not in response.request.headers:
        detail = NO_KEY
    request_id = body.get("request_id") or response.headers.get("apigw-requestid")
    errors = body.get("errors") or ()
    return ApiError(status, str(code), str(detail or reason), request_id, errors)


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _delay(attempt: int) -> float:
    seconds = FIRST_DELAY_SECONDS * (1 << (attempt - 1))
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - no secret

"""Ask a source politely: with a pause between questions, and no longer than it allows."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from crawlset.errors import SourceError, SourceThrottledError
from crawlset.kit.retry_after import LONGEST_SECONDS
from crawlset.sources.answers import DEFAULT_WAIT_SECONDS, ShutOutError, ask_json

Params = Mapping[str, str | int]


class Asker:
    """
    Questions of one search to one source, one at a time, each after a pause.

    Searches of one source run one after another, so the pause holds between all of them.

    Raises what `ask_json` raises, and `SourceError` for an answer of another shape. A firewall that
    shuts us out asks us to wait for `shut_out_seconds`, if it opens again after so long; otherwise
    the source refuses. A source that asks to wait and not for how long is given `wait_seconds`.
    """

    def __init__(
        self,
        source: str,
        client: httpx.Client,
        *,
        gap_seconds: float = 0.0,
        headers: Mapping[str, str] | None = None,
        shut_out_seconds: float | None = None,
        wait_seconds: float = DEFAULT_WAIT_SECONDS,
    ) -> None:
        self._source = source
        self._client = client
        self._gap_seconds = gap_seconds
        self._headers = dict(headers or {})
        self._shut_out_seconds = shut_out_seconds
        self._wait_seconds = wait_seconds
        # Another search may have asked the source a moment ago.
        self._asked_at = time.monotonic()
        self._closed_for: float | None = None

    def get[Shape: BaseModel](self, url: str, params: Params, shape: type[Shape]) -> Shape:
        return shaped(self._source, self.get_any(url, params), shape)

    def get_any(self, url: str, params: Params) -> Any:
        """What is answered, of whatever shape."""
        return self._ask(self._client.build_request("GET", url, params=dict(params)))

    def post[Shape: BaseModel](self, url: str, form: Params, shape: type[Shape]) -> Shape:
        found = self._ask(self._client.build_request("POST", url, data=dict(form)))
        return shaped(self._source, found, shape)

    def _ask(self, request: httpx.Request) -> Any:
        self._wait()
        request.headers.update(self._headers)
        try:
            return ask_json(self._source, self._client, request, self._note, self._wait_seconds)
        except ShutOutError:
            if self._shut_out_seconds is None:
                raise
            raise SourceThrottledError(self._source, self._shut_out_seconds) from None

    def _wait(self) -> None:
        if self._closed_for is not None:
            raise SourceThrottledError(self._source, self._closed_for)
        time.sleep(max(0.0, self._asked_at + self._gap_seconds - time.monotonic()))
        self._asked_at = time.monotonic()

    def _note(self, headers: httpx.Headers) -> None:
        """A source that says there is nothing left is not asked again before it says so."""
        remaining = headers.get("x-ratelimit-remaining", "")
        reset = headers.get("x-ratelimit-reset", "")
        windows = zip(remaining.split(","), reset.split(","), strict=False)
        used_up = [
            float(seconds)
            for left, seconds in windows
            if left.strip() == "0" and seconds.strip().isdecimal()
        ]
        self._closed_for = min(max(used_up), LONGEST_SECONDS) if used_up else None


def shaped[Shape: BaseModel](source: str, found: Any, shape: type[Shape]) -> Shape:
    """Raises `SourceError`, which names the first place that is not as documented."""
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"]) or "the whole"
        raise SourceError(
            f"{source} answered in another shape than it documents: {where}"
        ) from error

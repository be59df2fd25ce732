"""Ask a source politely: with a pause between questions, and no longer than it allows."""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from crawlset.errors import SourceError, SourceThrottledError
from crawlset.kit.retry_after import LONGEST_SECONDS
from crawlset.sources.answers import DEFAULT_WAIT_SECONDS, ShutOutError, ask_json
from crawlset.wire.allowances import Allowance

Params = Mapping[str, str | int]
LONGEST_GUESS = 3_600.0
"""Seconds to wait for a limit of a day that is used up."""
_LEFT, _LIMIT = "x-ratelimit-available-", "x-ratelimit-limit-"
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_RATE = re.compile(r"(\d{1,9})/([smhd])[a-z]*", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


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
        self.allowance: Allowance | None = None
        """What the last answer said is left of the longest period, if it said so."""

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
        allowances = list(_allowances(headers, datetime.now(UTC)))
        self.allowance = max(allowances, key=attrgetter("period_seconds"), default=None)
        # When the next one comes back it does not say before it is asked, and then exactly.
        used_up += [min(a.period_seconds, LONGEST_GUESS) for a in allowances if a.n_left == 0]
        self._closed_for = min(max(used_up), LONGEST_SECONDS) if used_up else None


def _allowances(headers: httpx.Headers, now: datetime) -> Iterator[Allowance]:
    """
    Read what is left of each limit: `X-RateLimit-Available-anon_burst: 7` of a rate of 20/min.

    https://github.com/WordPress/openverse, api/api/utils/throttle.py: names end in what the limit
    is of, and rates are those of Django REST framework, of whose period the first letter counts.
    """
    for name, left in headers.items():
        if name.startswith(_LEFT) and _COUNT.fullmatch(left):
            rate = _RATE.fullmatch(headers.get(_LIMIT + name.removeprefix(_LEFT), ""))
            if rate is not None:
                yield Allowance(int(left), int(rate[1]), _SECONDS[rate[2]], now)


def shaped[Shape: BaseModel](source: str, found: Any, shape: type[Shape]) -> Shape:
    """Raises `SourceError`, which names the first place that is not as documented."""
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"]) or "the whole"
        raise SourceError(
            f"{source} answered in another shape than it documents: {where}"
        ) from error

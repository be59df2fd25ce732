"""What one host may be asked: how many requests at once, how far apart, and when not at all."""

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from crawlset.fetching.answer import Answer
from crawlset.fetching.limits import Limits
from crawlset.kit.event_loop import Loop, Slots
from crawlset.kit.retry_after import retry_after_seconds
from crawlset.outcomes import Outcome
from crawlset.wire.outcomes import Cause

HTTP_TOO_MANY_REQUESTS = 429
HTTP_SERVICE_UNAVAILABLE = 503
_OVERLOADED = frozenset({HTTP_TOO_MANY_REQUESTS, HTTP_SERVICE_UNAVAILABLE})
_SERVER_ERRORS = 500
_MOST_STRIKES = 6


class DeferredError(Exception):
    """The host's turn comes after this chunk; `outcome` is for when no later one may try."""

    def __init__(self, host: "Host", cause: Cause, outcome: Outcome, detail: str) -> None:
        self.host = host
        self.cause: Cause = cause
        self.outcome = outcome
        self.detail = detail
        super().__init__(detail)


class _Pause(NamedTuple):
    """A host wants to be left alone, and this is how it said so."""

    until: float
    status: int

    @property
    def outcome(self) -> Outcome:
        if self.status == HTTP_TOO_MANY_REQUESTS:
            return Outcome.http_429
        return Outcome.http_5xx


class Crowd:
    """
    The hosts that a chunk has requests for now, which share its transfers.

    While they are many each gets one connection: no transfer waits for that, and a connection
    used again is a handshake saved on both sides.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.n_hosts = 0

    def n_at_once(self, host: str) -> int:
        """Requests to `host` at once."""
        fair = self._limits.n_transfers // max(1, self.n_hosts)
        return min(self._limits.n_at_once(host), max(1, fair))


class Host:
    """
    Our allowance with one host; `enter` before each request to it and `leave` after.

    `name` is the host in its one spelling. `gap` is in seconds, between the starts of two requests.
    One too long for a chunk to wait out is kept between images alone: if the policies kept it as
    well, no image would ever be asked for. `seconds_left` tells how long a chunk may go on starting
    requests.
    """

    __slots__ = (
        "_crowd",
        "_gap",
        "_last_image",
        "_last_policy",
        "_limits",
        "_loop",
        "_n_asking",
        "_n_strikes",
        "_n_waiting",
        "_name",
        "_pause",
        "_seconds_left",
        "_slots",
    )

    def __init__(
        self,
        name: str,
        loop: Loop,
        limits: Limits,
        crowd: Crowd,
        seconds_left: Callable[[], float],
        gap: float,
    ) -> None:
        self._name = name
        self._loop = loop
        self._limits = limits
        self._crowd = crowd
        self._seconds_left = seconds_left
        self._gap = gap
        self._slots = Slots(loop, crowd.n_at_once(name))
        self._n_asking = 0
        """Waiting for their turn or having it."""
        self._n_waiting = 0
        self._last_image = self._last_policy = -math.inf
        """When the last request for one began."""
        self._pause: _Pause | None = None
        self._n_strikes = 0

    def widen_gap(self, seconds: float) -> None:
        """Heed a Crawl-delay of `seconds`, unless we keep a longer gap already."""
        self._gap = max(self._gap, min(seconds, self._limits.crawl_delay_seconds))

    async def enter(self, *, is_policy: bool = False) -> None:
        """Wait for a turn; raises `DeferredError` once it is clear that it comes too late."""
        self._refuse_if_late(self._n_waiting, is_policy=is_policy)
        self._n_waiting += 1
        self._join_crowd()
        try:
            await self._take_turn(is_policy=is_policy)
        except BaseException:
            self._leave_crowd()
            raise
        finally:
            self._n_waiting -= 1
        if is_policy:
            self._last_policy = self._loop.now()
        else:
            self._last_image = self._loop.now()

    async def leave(self) -> None:
        self._leave_crowd()
        await self._slots.__aexit__()

    async def _take_turn(self, *, is_policy: bool) -> None:
        await self._slots.__aenter__()
        try:
            while (wait := self._next_turn(is_policy=is_policy) - self._loop.now()) > 0:
                self._refuse_if_late(0, is_policy=is_policy)
                await self._loop.sleep(wait)
        except BaseException:
            await self._slots.__aexit__()
            raise

    def _join_crowd(self) -> None:
        self._crowd.n_hosts += not self._n_asking
        self._n_asking += 1
        self._slots.n = self._crowd.n_at_once(self._name)

    def _leave_crowd(self) -> None:
        self._n_asking -= 1
        self._crowd.n_hosts -= not self._n_asking
        self._slots.n = self._crowd.n_at_once(self._name)

    def heed(self, answer: Answer) -> bool:
        """
        Pause as long as `answer` asks for; whether it asks for a pause.

        It is never shorter than a back-off that doubles, with jitter, each time the host is
        asked again too early.
        """
        is_overloaded = answer.status in _OVERLOADED
        wished = None
        if is_overloaded or answer.status >= _SERVER_ERRORS:
            wished = retry_after_seconds(answer.headers.first("retry-after"), datetime.now(UTC))
        else:
            self._n_strikes = 0
        if wished is None and not is_overloaded:
            return False
        now = self._loop.now()
        wait = wished or 0.0
        if self._pause is None or now >= self._pause.until:
            wait = max(wait, backoff(self._limits.backoff_seconds, self._n_strikes))
            self._n_strikes = min(self._n_strikes + 1, _MOST_STRIKES)
        if self._pause is None or now + wait > self._pause.until:
            self._pause = _Pause(now + wait, answer.status)
        return True

    def seconds_until_next(self) -> float:
        """Until an image of the host may be asked for again."""
        return max(0.0, self._next_turn(is_policy=False) - self._loop.now())

    @property
    def _is_gap_short(self) -> bool:
        return self._gap <= self._limits.longest_gap_seconds

    def _next_turn(self, *, is_policy: bool) -> float:
        """When the next request may begin, on the loop's clock."""
        turn = -math.inf
        if self._is_gap_short:
            turn = max(self._last_image, self._last_policy) + self._gap
        elif not is_policy:
            turn = self._last_image + self._gap
        return turn if self._pause is None else max(turn, self._pause.until)

    def _refuse_if_paused(self) -> None:
        """Raise `DeferredError` when the host wants a pause longer than this chunk can wait."""
        now = self._loop.now()
        if self._pause is None or self._pause.until <= now:
            return
        seconds = self._pause.until - now
        if seconds > min(self._limits.retry_after_seconds, self._patience()):
            detail = f"the host wants to be left alone for {seconds:.0f} s"
            raise DeferredError(self, "retry_after", self._pause.outcome, detail)

    def _refuse_if_late(self, n_before: int, *, is_policy: bool) -> None:
        self._refuse_if_paused()
        if not self._gap or (is_policy and not self._is_gap_short):
            return
        wait = self._next_turn(is_policy=is_policy) - self._loop.now()
        wait = max(0.0, wait) + n_before * self._gap
        longest = self._limits.turn_seconds if self._is_gap_short else 0.0
        if wait > min(longest, self._patience()):
            detail = f"the host wants {self._gap:g} s between requests"
            raise DeferredError(self, "crawl_delay", Outcome.timeout, detail)

    def _patience(self) -> float:
        """Seconds within which a request must begin to be answered in this chunk."""
        return max(0.0, self._seconds_left() - self._limits.first_byte_seconds)


def backoff(seconds: float, n_before: int) -> float:
    """A wait that doubles with every one before, give or take a quarter."""
    doubled: int = 1 << n_before
    return seconds * doubled * random.uniform(0.75, 1.25)  # noqa: S311

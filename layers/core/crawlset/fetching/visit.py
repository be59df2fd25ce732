"""
Going and getting a URL with manners: redirects by hand, retries, robots.txt and tdmrep.json.

Everything asked for goes through the guard, also a redirect, also a robots.txt.
"""

import email.utils
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from crawlset.fetching.engine import (
    Answer,
    Engine,
    Headers,
    Judge,
    RefusedError,
    RequestError,
    TransferError,
)
from crawlset.fetching.guard import BlockedUrlError, Target, parse_url
from crawlset.fetching.limits import Limits
from crawlset.fetching.loop import Interrupted, Loop, Promise, Slots
from crawlset.fetching.optout import OptOut, TdmPolicy, judge_headers, parse_tdmrep
from crawlset.fetching.robots import (
    ALLOW_ALL,
    PRODUCT,
    Robots,
    parse_robots,
    path_matches,
)
from crawlset.outcomes import Outcome

T = TypeVar("T")
HTTP_OK = 200
HTTP_TOO_MANY_REQUESTS = 429
HTTP_SERVICE_UNAVAILABLE = 503
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({Outcome.dns_error, Outcome.connect_error, Outcome.tls_error})
"""Failures of robots.txt that the image would meet as well, and that may pass."""
_MAX_EVIDENCE_URL = 500

Admit = Callable[[Target], Awaitable[None]]
"""Asked before every hop; raises `RefusedError` when it must not be requested."""


@dataclass(slots=True)
class Trace:
    """What was seen on the way to one URL; evidence for its row."""

    target: Target | None = None
    """The last URL asked for, after redirects."""
    status: int | None = None
    content_type: str | None = None
    address: str | None = None
    seconds: float = 0.0
    """Wall clock of its transfers: not the waiting for a slot, for robots.txt or for a retry."""
    n_retries: int = 0
    retry_after: str | None = None
    redirects: list[dict[str, Any]] = field(default_factory=list)

    def add(self, transfer: Answer | RequestError) -> None:
        self.address = transfer.address or self.address
        self.seconds += transfer.seconds

    def note(self, status: int, headers: Headers) -> None:
        self.status = status
        self.content_type = headers.first("content-type")
        self.retry_after = headers.first("retry-after")


class _Host:
    """Our allowance with one host: so many requests at once, and none before a time it named."""

    __slots__ = ("not_before", "slots")

    def __init__(self, loop: Loop, n_at_once: int) -> None:
        self.slots = Slots(loop, n_at_once)
        self.not_before = 0.0


class Visitor:
    """Fetches for one chunk; remembers each origin's policies and each host's wishes."""

    def __init__(
        self,
        loop: Loop,
        engine: Engine,
        limits: Limits,
        private_hosts: frozenset[str],
        seconds_left: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._engine = engine
        self._limits = limits
        self._private_hosts = private_hosts
        self._seconds_left = seconds_left
        self._hosts: dict[str, _Host] = {}
        self._robots: dict[str, Promise[Robots]] = {}
        self._tdm: dict[str, Promise[TdmPolicy]] = {}
        self._judge = judge_headers(PRODUCT)

    async def fetch(self, url: str, trace: Trace) -> Answer:
        """
        The answer to `url` after redirects, whatever its status; `trace` tells the way.

        Raises `BlockedUrlError`, `RefusedError` and `TransferError`.
        """

        def judge(status: int, headers: Headers) -> None:
            trace.note(status, headers)
            self._judge(status, headers)

        target = parse_url(url, self._private_hosts)
        return await self._follow(target, trace, admit=self._admit, judge=judge)

    async def _follow(
        self,
        target: Target,
        trace: Trace,
        *,
        admit: Admit | None = None,
        judge: Judge | None = None,
        max_bytes: int | None = None,
        may_cut: bool = False,
    ) -> Answer:
        seconds = self._limits.total_seconds
        seen = {target.url}
        while True:
            trace.target = target
            trace.status = trace.content_type = None
            if admit is not None:
                await admit(target)
            answer = await self._ask(target, trace, seconds, judge, max_bytes, may_cut=may_cut)
            trace.note(answer.status, answer.headers)
            location = answer.headers.first("location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            answer.body.close()
            seconds -= answer.seconds
            target = self._redirected(target, location, trace)
            if len(trace.redirects) > self._limits.n_redirects or target.url in seen:
                what = "redirect loop" if target.url in seen else "too many redirects"
                raise TransferError(Outcome.too_many_redirects, what)
            seen.add(target.url)

    def _redirected(self, target: Target, location: str, trace: Trace) -> Target:
        location = _as_sent(location)
        trace.redirects.append({"status": trace.status, "to": location[:_MAX_EVIDENCE_URL]})
        following = parse_url(target.join(location), self._private_hosts)
        if target.scheme == "https" and following.scheme == "http":
            raise BlockedUrlError("redirect from https to http")
        return following

    async def _ask(
        self,
        target: Target,
        trace: Trace,
        seconds: float,
        judge: Judge | None,
        max_bytes: int | None,
        *,
        may_cut: bool,
    ) -> Answer:
        """One hop, tried again while that may help and there is time."""
        host = self._hosts.get(target.host)
        if host is None:
            host = self._hosts[target.host] = _Host(self._loop, self._limits.n_per_host)
        n_left = self._limits.n_retries
        while True:
            try:
                async with host.slots:
                    await self._wait_for(host)
                    answer = await self._engine.get(
                        target, seconds=seconds, judge=judge, max_bytes=max_bytes, may_cut=may_cut
                    )
            except RefusedError as refusal:
                trace.add(refusal)
                raise
            except TransferError as error:
                trace.add(error)
                delay = self._backoff(n_left)
                if error.outcome != Outcome.connect_error or not self._may_wait(n_left, delay):
                    raise
            else:
                trace.add(answer)
                wait = self._wished_delay(answer, n_left)
                if wait is None or not self._may_wait(n_left, wait):
                    return answer
                answer.body.close()
                delay = wait
                if answer.status in {HTTP_TOO_MANY_REQUESTS, HTTP_SERVICE_UNAVAILABLE}:
                    host.not_before = self._loop.now() + delay
            n_left -= 1
            trace.n_retries += 1
            await self._loop.sleep(delay)

    async def _wait_for(self, host: _Host) -> None:
        while (wait := host.not_before - self._loop.now()) > 0:
            await self._loop.sleep(wait)

    def _wished_delay(self, answer: Answer, n_left: int) -> float | None:
        """Seconds until a retry makes sense; None when it makes none."""
        if answer.status != HTTP_TOO_MANY_REQUESTS and answer.status < 500:  # noqa: PLR2004
            return None
        wished = retry_after_seconds(answer.headers.first("retry-after"))
        if wished is None:
            return self._backoff(n_left)
        return wished if wished <= self._limits.retry_after_seconds else None

    def _backoff(self, n_left: int) -> float:
        doubled: int = 1 << (self._limits.n_retries - n_left)
        return self._limits.backoff_seconds * doubled * random.uniform(0.75, 1.25)  # noqa: S311

    def _may_wait(self, n_left: int, seconds: float) -> bool:
        return n_left > 0 and seconds < self._seconds_left()

    async def _admit(self, target: Target) -> None:
        """Ask robots.txt, then tdmrep.json, of the origin."""
        path = target.path + target.query
        refusal = (await self._robots_of(target)).opt_out(target.url, path)
        if refusal is None:
            refusal = (await self._tdm_of(target)).opt_out(path, path_matches)
        if refusal is not None:
            raise _refused(refusal)

    async def _robots_of(self, target: Target) -> Robots:
        promise = self._robots.get(target.origin)
        if promise is None:
            promise = self._robots[target.origin] = Promise(self._loop)
            self._loop.spawn(_bring(promise, self._read_robots(target)))
        return await promise

    async def _tdm_of(self, target: Target) -> TdmPolicy:
        promise = self._tdm.get(target.origin)
        if promise is None:
            promise = self._tdm[target.origin] = Promise(self._loop)
            self._loop.spawn(_bring(promise, self._read_tdm(target)))
        return await promise

    async def _read_robots(self, target: Target) -> Robots:
        """Raises what the origin's images would raise as well: no address, no connection."""
        trace = Trace()
        try:
            status, text = await self._read_policy(target, "/robots.txt", trace)
        except (BlockedUrlError, TransferError) as error:
            is_origin = not trace.redirects
            if is_origin and (isinstance(error, BlockedUrlError) or error.outcome in _PASSING):
                raise
            if error.outcome == Outcome.too_many_redirects:
                return ALLOW_ALL
            return Robots(None, unreachable=error.outcome.value)
        if status == HTTP_OK:
            return parse_robots(text.decode(errors="replace").removeprefix("\ufeff"))
        if 400 <= status < 500 and status != HTTP_TOO_MANY_REQUESTS:  # noqa: PLR2004
            return ALLOW_ALL
        return Robots(None, unreachable=f"HTTP {status}")

    async def _read_tdm(self, target: Target) -> TdmPolicy:
        try:
            status, text = await self._read_policy(target, "/.well-known/tdmrep.json", Trace())
        except (BlockedUrlError, TransferError):
            return TdmPolicy()
        return parse_tdmrep(text) if status == HTTP_OK else TdmPolicy()

    async def _read_policy(self, target: Target, path: str, trace: Trace) -> tuple[int, bytes]:
        policy = parse_url(target.origin + path, self._private_hosts)
        answer = await self._follow(
            policy, trace, max_bytes=self._limits.policy_bytes, may_cut=True
        )
        with closing(answer.body):
            return answer.status, b"".join(answer.body.pieces())


async def _bring(promise: Promise[T], work: Coroutine[Promise[Any], None, T]) -> None:
    """Settle `promise` with what `work` returns or raises."""
    try:
        promise.settle(await work)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001, whoever awaits the promise gets it
        promise.fail(error)


def retry_after_seconds(value: str | None) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date; None when it says nothing."""
    if value is None:
        return None
    if value.isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _refused(refusal: OptOut) -> RefusedError:
    return RefusedError(refusal.outcome, refusal.signal, refusal.value)


def _as_sent(location: str) -> str:
    """A Location header as UTF-8, which browsers send and read, though headers are Latin-1."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeDecodeError:
        return location

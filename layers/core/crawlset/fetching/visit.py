"""
Going and getting a URL with manners: redirects by hand, retries, and every host's wishes.

Everything asked for goes through the guard, also a redirect, also a robots.txt.
"""

from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from crawlset.fetching.answer import (
    HTTP_OK,
    Answer,
    Headers,
    Judge,
    RequestError,
    TransferError,
)
from crawlset.fetching.engine import Engine
from crawlset.fetching.limits import Limits
from crawlset.fetching.optout import OptedOutError, header_opt_out, signals_in
from crawlset.fetching.origins import Origins, PolicyFile
from crawlset.fetching.politeness import Crowd, Host, backoff
from crawlset.fetching.robots import PRODUCT
from crawlset.kit.event_loop import Loop
from crawlset.outcomes import Outcome
from crawlset.urls.guard import BlockedUrlError, ParsedUrl, parse_url
from crawlset.urls.mending import mend, mend_location
from crawlset.wire.chunks import FetchPolicy

HTTP_NOT_MODIFIED = 304
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PICTURES = frozenset({HTTP_OK, HTTP_NOT_MODIFIED})
"""Statuses whose headers speak of the picture itself."""
_RETRIED = frozenset({Outcome.dns_error, Outcome.connect_error, Outcome.tls_error})
"""Failures of a transfer that may pass while the chunk lasts."""
_MAX_EVIDENCE_URL = 500

Admit = Callable[[ParsedUrl], Awaitable[None]]
"""Asked before every hop; raises `OptedOutError` when it must not be requested."""


@dataclass(slots=True)
class Trace:
    """What was seen on the way to one URL; evidence for its row."""

    n_retries: int = 0
    """In all, those in earlier chunks included."""
    target: ParsedUrl | None = None
    """The last URL asked for, after redirects."""
    status: int | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    address: str | None = None
    seconds: float = 0.0
    """Wall clock of its transfers: not the waiting for a slot, for robots.txt or for a retry."""
    retry_after: str | None = None
    redirects: list[dict[str, Any]] = field(default_factory=list)
    signals: dict[str, Any] = field(default_factory=dict)
    """What was said about opting out, by the origin and then by the answer."""

    def add(self, transfer: Answer | RequestError) -> None:
        self.address = transfer.address or self.address
        self.seconds += transfer.seconds

    def note(self, status: int, headers: Headers) -> None:
        self.status = status
        self.content_type = headers.first("content-type")
        self.content_encoding = ", ".join(headers.all("content-encoding")) or None
        self.retry_after = headers.first("retry-after")


@dataclass(frozen=True, slots=True)
class _Request:
    """What stays the same from hop to hop and from try to try."""

    trace: Trace
    admit: Admit | None = None
    judge: Judge | None = None
    headers: tuple[str, ...] = ()
    max_bytes: int | None = None
    """Size at which a policy file is cut; None for an image, which has the chunk's limit."""

    @property
    def is_policy(self) -> bool:
        return self.max_bytes is not None


class Visitor:
    """Fetches for one chunk; remembers each origin's policies and each host's wishes."""

    def __init__(
        self,
        loop: Loop,
        engine: Engine,
        limits: Limits,
        policy: FetchPolicy,
        private_hosts: frozenset[str],
        seconds_left: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._engine = engine
        self._limits = limits
        self._policy = policy
        self._private_hosts = private_hosts
        self._seconds_left = seconds_left
        self._hosts: dict[str, Host] = {}
        self._crowd = Crowd(limits)
        self._origins = Origins(
            loop,
            policy,
            self._read_policy,
            lambda target, seconds: self._host(target).widen_gap(seconds),
        )

    async def fetch(self, url: str, trace: Trace, conditions: tuple[str, ...] = ()) -> Answer:
        """
        The answer to `url` after redirects, whatever its status; `trace` tells the way.

        `conditions` are request headers, each as `Name: value`.

        Raises `BlockedUrlError`, `OptedOutError`, `TransferError` and `DeferredError`.
        """

        def judge(status: int, headers: Headers) -> None:
            trace.note(status, headers)
            if status in _PICTURES and (said := signals_in(headers)):
                trace.signals["headers"] = said
                refusal = header_opt_out(headers, PRODUCT, self._policy)
                if refusal is not None:
                    raise OptedOutError(refusal)

        async def admit(target: ParsedUrl) -> None:
            await self._origins.admit(target, trace.signals)

        target = parse_url(mend(url), self._private_hosts)
        return await self._follow(target, _Request(trace, admit, judge, conditions))

    async def _follow(self, target: ParsedUrl, request: _Request) -> Answer:
        trace = request.trace
        seconds = self._limits.total_seconds
        seen = {target.url}
        while True:
            trace.target = target
            trace.status = trace.content_type = trace.content_encoding = None
            if request.admit is not None:
                await request.admit(target)
            answer = await self._ask(target, request, seconds)
            trace.note(answer.status, answer.headers)
            locations = answer.headers.all("location")
            if answer.status not in _REDIRECTS or not locations:
                return answer
            answer.body.close()
            seconds -= answer.seconds
            target = self._redirected(target, next(filter(None, locations), ""), trace)
            if len(trace.redirects) > self._limits.n_redirects or target.url in seen:
                what = "redirect loop" if target.url in seen else "too many redirects"
                raise TransferError(Outcome.too_many_redirects, what)
            seen.add(target.url)

    def _redirected(self, target: ParsedUrl, location: str, trace: Trace) -> ParsedUrl:
        location = mend_location(location)
        trace.redirects.append({"status": trace.status, "to": location[:_MAX_EVIDENCE_URL]})
        following = parse_url(target.join(location), self._private_hosts)
        if target.scheme == "https" and following.scheme == "http":
            raise BlockedUrlError("redirect from https to http")
        return following

    async def _ask(self, target: ParsedUrl, request: _Request, seconds: float) -> Answer:
        """One hop, tried again while that may help and there is time."""
        host = self._host(target)
        trace = request.trace
        n_before = trace.n_retries
        while True:
            is_retry = trace.n_retries > n_before
            try:
                answer = await self._send(host, target, request, seconds, is_retry=is_retry)
            except TransferError as error:
                if error.outcome not in _RETRIED or not await self._wait_for_retry(trace):
                    raise
                continue
            if host.heed(answer):
                if trace.n_retries >= self._limits.n_retries:
                    return answer
                trace.n_retries += 1
            elif answer.status < 500 or not await self._wait_for_retry(trace):  # noqa: PLR2004
                return answer
            answer.body.close()

    async def _send(
        self, host: Host, target: ParsedUrl, request: _Request, seconds: float, *, is_retry: bool
    ) -> Answer:
        await host.enter(is_policy=request.is_policy)
        try:
            answer = await self._engine.get(
                target,
                seconds=seconds,
                judge=request.judge,
                max_bytes=request.max_bytes,
                may_cut=request.is_policy,
                headers=request.headers,
                is_retry=is_retry,
            )
        except RequestError as error:
            request.trace.add(error)
            raise
        finally:
            await host.leave()
        request.trace.add(answer)
        return answer

    async def _wait_for_retry(self, trace: Trace) -> bool:
        """Whether it may be tried again; the wait before that is over then."""
        delay = backoff(self._limits.backoff_seconds, trace.n_retries)
        if trace.n_retries >= self._limits.n_retries or delay >= self._seconds_left():
            return False
        trace.n_retries += 1
        await self._loop.sleep(delay)
        return True

    def _host(self, target: ParsedUrl) -> Host:
        host = self._hosts.get(target.host)
        if host is None:
            gap = self._policy.min_gap_seconds
            host = Host(target.host, self._loop, self._limits, self._crowd, self._seconds_left, gap)
            self._hosts[target.host] = host
        return host

    async def _read_policy(self, target: ParsedUrl, path: str) -> PolicyFile:
        policy = parse_url(target.origin + path, self._private_hosts)
        trace = Trace()
        request = _Request(trace, max_bytes=self._limits.policy_bytes)
        try:
            answer = await self._follow(policy, request)
        except (BlockedUrlError, TransferError) as error:
            return PolicyFile(error=error, is_redirected=bool(trace.redirects))
        with closing(answer.body):
            return PolicyFile(answer.status, b"".join(answer.body.pieces()))

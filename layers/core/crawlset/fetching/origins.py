"""What each origin says of its URLs in robots.txt and tdmrep.json, read once a chunk."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Protocol

from crawlset.fetching.answer import HTTP_OK, TransferError
from crawlset.fetching.optout import OptedOutError, Signal
from crawlset.fetching.politeness import HTTP_TOO_MANY_REQUESTS
from crawlset.fetching.robots import ALLOW_ALL, Robots, parse_robots, unreachable_robots
from crawlset.fetching.tdmrep import NOTHING_RESERVED, TdmPolicy, parse_tdmrep
from crawlset.kit.event_loop import Interrupted, Loop, Promise
from crawlset.outcomes import Outcome
from crawlset.urls.guard import BlockedUrlError, ParsedUrl
from crawlset.wire.chunks import FetchPolicy

_PASSING = frozenset({Outcome.dns_error, Outcome.connect_error, Outcome.tls_error})
"""Failures of robots.txt that the image would meet as well, and that may pass."""


class PolicyFile(NamedTuple):
    """What asking for a policy file brought; without an error, the answer to it."""

    status: int = 0
    content: bytes = b""
    error: BlockedUrlError | TransferError | None = None
    is_redirected: bool = False


class ReadPolicy(Protocol):
    """Fetches the file at a path of the target's origin; raises `DeferredError`."""

    def __call__(
        self, target: ParsedUrl, path: str
    ) -> Coroutine[Promise[Any], None, PolicyFile]: ...


class Origins:
    """Judges URLs by the policy files of their origins, those that the job's policy heeds."""

    def __init__(
        self,
        loop: Loop,
        policy: FetchPolicy,
        read: ReadPolicy,
        heed_delay: Callable[[ParsedUrl, float], None],
    ) -> None:
        self._loop = loop
        self._policy = policy
        self._read = read
        self._heed_delay = heed_delay
        self._robots: dict[str, Promise[Robots]] = {}
        self._tdm: dict[str, Promise[TdmPolicy]] = {}

    async def admit(self, target: ParsedUrl, signals: dict[str, Any]) -> None:
        """
        Ask robots.txt, then tdmrep.json, and put what they say of `target` into `signals`.

        Raises `OptedOutError`, and what kept us from reading them.
        """
        path = target.path + target.query
        if self._policy.robots:
            robots = await self._once(self._robots, target, self._read_robots)
            signal, refusal = robots.judge(target.url, path)
            _note(signals, "robots", signal)
            if refusal is not None:
                raise OptedOutError(refusal)
        if self._policy.tdmrep:
            tdm = await self._once(self._tdm, target, self._read_tdm)
            signal, refusal = tdm.judge(path)
            _note(signals, "tdmrep", signal)
            if refusal is not None:
                raise OptedOutError(refusal)

    async def _once[T](
        self,
        promises: dict[str, Promise[T]],
        target: ParsedUrl,
        read: Callable[[ParsedUrl], Coroutine[Promise[Any], None, T]],
    ) -> T:
        origin = target.origin
        promise = promises.get(origin)
        if promise is None:
            promise = promises[origin] = Promise(self._loop)
            self._loop.spawn(_bring(promise, read(target)))
        return await promise

    async def _read_robots(self, target: ParsedUrl) -> Robots:
        """Raises what the origin's images would raise as well: no address, no connection."""
        file = await self._read(target, "/robots.txt")
        error = file.error
        if error is not None:
            is_passing = isinstance(error, BlockedUrlError) or error.outcome in _PASSING
            if is_passing and not file.is_redirected:
                raise error
            if error.outcome == Outcome.too_many_redirects:
                return ALLOW_ALL
            return unreachable_robots(f"unreachable: {error.outcome.value}")
        if file.status == HTTP_OK:
            robots = parse_robots(file.content)
            self._heed_delay(target, robots.crawl_delay)
            return robots
        if 400 <= file.status < 500 and file.status != HTTP_TOO_MANY_REQUESTS:  # noqa: PLR2004
            return ALLOW_ALL
        return unreachable_robots(f"unreachable: HTTP {file.status}")

    async def _read_tdm(self, target: ParsedUrl) -> TdmPolicy:
        file = await self._read(target, "/.well-known/tdmrep.json")
        if file.error is None and file.status == HTTP_OK:
            return parse_tdmrep(file.content)
        return NOTHING_RESERVED


async def _bring[T](promise: Promise[T], work: Coroutine[Promise[Any], None, T]) -> None:
    """Settle `promise` with what `work` returns or raises."""
    try:
        promise.settle(await work)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001, whoever awaits the promise gets it
        promise.fail(error)


def _note(signals: dict[str, Any], name: str, signal: Signal | None) -> None:
    """Evidence of this origin takes the place of an earlier one's, before a redirect."""
    if signal is not None:
        signals[name] = signal
    else:
        signals.pop(name, None)

"""
One chunk of URLs: fetched, verified, hashed and packed, each URL settled exactly once.

Knows nothing of queues and buckets: lines in, lines out, and a pack on the local disk.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from crawlset.fetching.answer import TransferError, printable
from crawlset.fetching.backlog import Backlog
from crawlset.fetching.engine import Engine
from crawlset.fetching.limits import Limits
from crawlset.fetching.optout import OptedOutError
from crawlset.fetching.politeness import DeferredError, Host
from crawlset.fetching.revalidation import conditions
from crawlset.fetching.store import Store
from crawlset.fetching.visit import Trace, Visitor
from crawlset.imaging.features import Take
from crawlset.imaging.pool import DecodePool
from crawlset.kit.event_loop import Interrupted, Loop
from crawlset.observability import logger
from crawlset.outcomes import Outcome
from crawlset.packs.writer import FULL, Pack, PackFullError
from crawlset.resizing import Intake, Resize
from crawlset.urls.guard import BlockedUrlError, Resolve
from crawlset.wire.chunks import ChunkUrl, FetchPolicy, OwnedHost
from crawlset.wire.outcomes import Cause, Defer, UrlOutcome, unstored

CANCEL_POLL_SECONDS = 2.0
BUDGET_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class ChunkResult:
    outcomes: list[UrlOutcome]
    """In the order of the input."""
    n_bytes_fetched: int = 0
    seconds: float = 0.0
    n_packed: int = 0

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome.outcome.value for outcome in self.outcomes)


def run_chunk(
    candidates: Iterable[ChunkUrl],
    *,
    chunk_id: str,
    pack_path: Path,
    pool: DecodePool,
    user_agent: str,
    private_hosts: frozenset[str],
    seconds_left: Callable[[], float],
    is_cancelled: Callable[[], bool],
    policy: FetchPolicy | None = None,
    resize: Resize | None = None,
    intake: Intake | None = None,
    keep_location: bool = False,
    owned_host: OwnedHost | None = None,
    limits: Limits | None = None,
    resolve: Resolve | None = None,
    ca_file: str | None = None,
) -> ChunkResult:
    """
    Fetch `candidates` into the tar at `pack_path`, as received or as `resize` wants them.

    Formats that are not of the `intake` are refused, or stored in another. The `owned_host` is
    asked for as many at once as it may be; every other has the limits' number.

    Ends early when less than the reserve of `seconds_left()` remains (what is left over becomes
    `timeout`, which is retryable) or when `is_cancelled()`, asked every two seconds, says so.
    URLs whose host wants to be asked later than this chunk can wait are deferred, and pictures for
    which the disk has no room.
    """
    limits = limits or Limits()
    if owned_host is not None:
        limits = limits.with_owned(owned_host)
    loop = Loop()
    with closing(loop), closing(Pack(pack_path)) as pack:
        backlog = Backlog(loop, limits.undecoded_bytes)
        engine = Engine(
            loop,
            limits,
            user_agent=user_agent,
            backlog=backlog,
            ca_file=ca_file,
            resolve=resolve,
        )
        with closing(engine):
            policy = policy or FetchPolicy()

            def seconds_to_ask() -> float:
                return seconds_left() - limits.reserve_seconds

            visitor = Visitor(loop, engine, limits, policy, private_hosts, seconds_to_ask)
            store = Store(
                loop,
                backlog,
                pool,
                pack,
                chunk_id,
                policy=policy,
                take=Take(intake or Intake(), resize),
                keep_location=keep_location,
            )
            run = _Run(loop, visitor, store)
            pool.attach(loop)
            # What a chunk makes lives for as long as it does: looking for garbage in it is in vain.
            gc.disable()
            try:
                result = run.settle_all(list(candidates), seconds_to_ask, is_cancelled)
            finally:
                gc.enable()
                pool.detach()
    return replace(result, n_packed=pack.n_members)


class _Run:
    """The state that the URLs of one chunk share while they are under way."""

    def __init__(self, loop: Loop, visitor: Visitor, store: Store) -> None:
        self._loop = loop
        self._visitor = visitor
        self._store = store
        self._started = loop.now()
        self._settled: dict[int, UrlOutcome] = {}
        self._deferred: list[tuple[UrlOutcome, Host, Cause]] = []
        self._stopped: tuple[Outcome, str] | None = None

    def settle_all(
        self,
        candidates: list[ChunkUrl],
        seconds_left: Callable[[], float],
        is_cancelled: Callable[[], bool],
    ) -> ChunkResult:
        def watch_budget() -> None:
            if seconds_left() < 0:
                self._stop(Outcome.timeout, "chunk ran out of time")
            else:
                self._loop.call_later(BUDGET_POLL_SECONDS, watch_budget)

        def watch_tombstone() -> None:
            if is_cancelled():
                self._stop(Outcome.cancelled, "job cancelled")
            else:
                self._loop.call_later(CANCEL_POLL_SECONDS, watch_tombstone)

        for candidate in candidates:
            self._loop.spawn(self._settle(candidate))
        self._loop.call_later(CANCEL_POLL_SECONDS, watch_tombstone)
        watch_budget()
        self._loop.run()
        self._date_deferrals()
        outcome, detail = self._stopped or (Outcome.worker_failed, "not settled")
        return ChunkResult(
            [
                self._settled.get(c.n) or UrlOutcome(c.n, outcome, detail, n_retries=c.retries)
                for c in candidates
            ],
            n_bytes_fetched=self._store.n_bytes_fetched,
            seconds=self._loop.now() - self._started,
        )

    def _stop(self, outcome: Outcome, detail: str) -> None:
        if self._stopped is None:
            self._stopped = outcome, detail
            self._loop.interrupt()

    def _date_deferrals(self) -> None:
        """Say, now that the chunk is over, how long each host wants to be left alone from here."""
        for settled, host, cause in self._deferred:
            seconds = round(host.seconds_until_next(), 3)
            settled.defer = Defer(seconds, cause)

    async def _settle(self, candidate: ChunkUrl) -> None:
        if self._stopped is not None:
            return
        n = candidate.n
        trace = Trace(candidate.retries)
        try:
            settled = await self._fetch(candidate, trace)
        except Interrupted:
            raise
        except DeferredError as deferred:
            settled = UrlOutcome(n, deferred.outcome, deferred.detail)
            # The host that redirects to a slow one would be asked again for each turn there.
            cause: Cause = "retry_after" if trace.redirects else deferred.cause
            self._deferred.append((settled, deferred.host, cause))
        except BlockedUrlError as blocked:
            logger.info(
                "url_refused",
                n=n,
                host=trace.target.host if trace.target else None,
                outcome=blocked.outcome,
                reason=blocked.reason,
            )
            settled = UrlOutcome(n, blocked.outcome, blocked.reason)
        except OptedOutError as refusal:
            settled = UrlOutcome(n, refusal.outcome, f"{refusal.signal}: {refusal.value}")
            settled.evidence["opt_out"] = refusal.opt_out.evidence()
        except TransferError as failure:
            settled = UrlOutcome(n, failure.outcome, failure.detail)
        except PackFullError:
            settled = unstored(n, "no room left for the pack")
        except Exception as error:  # noqa: BLE001, a bug must cost one URL, not the chunk
            logger.exception("url_failed", n=n)
            if isinstance(error, OSError) and error.errno in FULL:
                settled = unstored(n, "no room left on the disk")
            else:
                settled = UrlOutcome(n, Outcome.worker_failed, type(error).__name__)
        _add_trace(settled, trace)
        self._settled[n] = settled

    async def _fetch(self, candidate: ChunkUrl, trace: Trace) -> UrlOutcome:
        answer = await self._visitor.fetch(candidate.url, trace, conditions(candidate.known))
        with closing(answer.body):
            return await self._store.settle(candidate, answer, trace.signals)


def _add_trace(settled: UrlOutcome, trace: Trace) -> None:
    settled.n_retries = trace.n_retries
    settled.final_url = trace.target.url if trace.target is not None else None
    settled.http_status = trace.status
    settled.content_type = printable(trace.content_type)
    settled.detail = printable(settled.detail)
    evidence = settled.evidence
    evidence["elapsed_ms"] = round(trace.seconds * 1000)
    if trace.address:
        evidence["address"] = trace.address
    if trace.content_encoding:
        evidence["content_encoding"] = printable(trace.content_encoding)
    if trace.redirects:
        evidence["redirects"] = trace.redirects
    if trace.retry_after:
        evidence["retry_after"] = printable(trace.retry_after)
    if trace.signals:
        evidence["signals"] = trace.signals

"""
One chunk of URLs: fetched, verified, hashed and packed, each URL settled exactly once.

Knows nothing of queues and buckets: lines in, lines out, and a pack on the local disk.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from crawlset.fetching.backlog import Backlog
from crawlset.fetching.body import Body
from crawlset.fetching.engine import Answer, Engine, RefusedError, TransferError
from crawlset.fetching.guard import BlockedUrlError, Resolve
from crawlset.fetching.limits import Limits
from crawlset.fetching.loop import Interrupted, Loop, Promise
from crawlset.fetching.pack import Pack, PackFullError
from crawlset.fetching.visit import HTTP_OK, Trace, Visitor
from crawlset.imaging.decode import Features, Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.observability import logger
from crawlset.outcomes import Outcome

CANCEL_POLL_SECONDS = 2.0
BUDGET_POLL_SECONDS = 0.25
_MAX_TEXT = 200
_EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif"}
_STATUSES = {
    403: Outcome.http_403,
    404: Outcome.http_404,
    410: Outcome.http_410,
    429: Outcome.http_429,
}
_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)))


@dataclass(slots=True)
class UrlOutcome:
    """What became of one URL: a line of the outcome object."""

    n: int
    outcome: Outcome
    detail: str | None = None
    final_url: str | None = None
    http_status: int | None = None
    content_type: str | None = None
    file_size: int | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    mode: str | None = None
    n_frames: int | None = None
    phash: int | None = None
    pack_offset: int | None = None
    pack_length: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ChunkResult:
    outcomes: list[UrlOutcome]
    """In the order of the input."""
    n_bytes_fetched: int = 0
    seconds: float = 0.0
    n_packed: int = 0
    pack_bytes: int = 0

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome.outcome.value for outcome in self.outcomes)


def run_chunk(
    urls: Iterable[tuple[int, str]],
    *,
    chunk_id: str,
    pack_path: Path,
    pool: DecodePool,
    user_agent: str,
    private_hosts: frozenset[str],
    seconds_left: Callable[[], float],
    is_cancelled: Callable[[], bool],
    limits: Limits | None = None,
    resolve: Resolve | None = None,
    ca_file: str | None = None,
) -> ChunkResult:
    """
    Fetch `urls`, numbered as in the chunk's input, into the tar at `pack_path`.

    Ends early when less than the reserve of `seconds_left()` remains (what is left over becomes
    `timeout`, which is retryable) or when `is_cancelled()`, asked every two seconds, says so.
    """
    limits = limits or Limits()
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
            visitor = Visitor(
                loop,
                engine,
                limits,
                private_hosts,
                lambda: seconds_left() - limits.reserve_seconds,
            )
            run = _Run(
                loop=loop,
                visitor=visitor,
                backlog=backlog,
                pool=pool,
                pack=pack,
                chunk_id=chunk_id,
                reserve_seconds=limits.reserve_seconds,
            )
            result = run.settle_all(list(urls), seconds_left, is_cancelled)
    return replace(result, n_packed=pack.n_members, pack_bytes=pack.size)


class _Run:
    """The state that the URLs of one chunk share while they are under way."""

    def __init__(
        self,
        *,
        loop: Loop,
        visitor: Visitor,
        backlog: Backlog,
        pool: DecodePool,
        pack: Pack,
        chunk_id: str,
        reserve_seconds: float,
    ) -> None:
        self._loop = loop
        self._visitor = visitor
        self._backlog = backlog
        self._pool = pool
        self._pack = pack
        self._chunk_id = chunk_id
        self._reserve_seconds = reserve_seconds
        self._started = loop.now()
        self._settled: dict[int, UrlOutcome] = {}
        self._ranges: dict[str, tuple[int, int]] = {}
        self._n_bytes_fetched = 0
        self._stopped: tuple[Outcome, str] | None = None

    def settle_all(
        self,
        urls: list[tuple[int, str]],
        seconds_left: Callable[[], float],
        is_cancelled: Callable[[], bool],
    ) -> ChunkResult:
        def watch_budget() -> None:
            if seconds_left() < self._reserve_seconds:
                self._stop(Outcome.timeout, "chunk ran out of time")
            else:
                self._loop.call_later(BUDGET_POLL_SECONDS, watch_budget)

        def watch_tombstone() -> None:
            if is_cancelled():
                self._stop(Outcome.cancelled, "job cancelled")
            else:
                self._loop.call_later(CANCEL_POLL_SECONDS, watch_tombstone)

        for n, url in urls:
            self._loop.spawn(self._settle(n, url))
        self._loop.call_later(CANCEL_POLL_SECONDS, watch_tombstone)
        watch_budget()
        self._pool.attach(self._loop)
        try:
            self._loop.run()
        finally:
            self._pool.detach()
        outcome, detail = self._stopped or (Outcome.worker_failed, "not settled")
        return ChunkResult(
            [self._settled.get(n) or UrlOutcome(n, outcome, detail) for n, _ in urls],
            n_bytes_fetched=self._n_bytes_fetched,
            seconds=self._loop.now() - self._started,
        )

    def _stop(self, outcome: Outcome, detail: str) -> None:
        if self._stopped is None:
            self._stopped = outcome, detail
            self._loop.interrupt()

    async def _settle(self, n: int, url: str) -> None:
        if self._stopped is not None:
            return
        trace = Trace()
        try:
            settled = await self._fetch(n, url, trace)
        except Interrupted:
            raise
        except BlockedUrlError as blocked:
            logger.info(
                "url_refused",
                n=n,
                host=trace.target.host if trace.target else None,
                outcome=blocked.outcome,
                reason=blocked.reason,
            )
            settled = UrlOutcome(n, blocked.outcome, blocked.reason)
        except RefusedError as refusal:
            settled = UrlOutcome(n, refusal.outcome, f"{refusal.signal}: {refusal.value}")
            settled.evidence["opt_out"] = {"signal": refusal.signal, "value": refusal.value}
        except TransferError as failure:
            settled = UrlOutcome(n, failure.outcome, failure.detail)
        except PackFullError:
            settled = UrlOutcome(n, Outcome.worker_failed, "no room left for the pack")
        except Exception as error:  # noqa: BLE001, a bug must cost one URL, not the chunk
            logger.exception("url_failed", n=n)
            settled = UrlOutcome(n, Outcome.worker_failed, type(error).__name__)
        _add_trace(settled, trace)
        self._settled[n] = settled

    async def _fetch(self, n: int, url: str, trace: Trace) -> UrlOutcome:
        answer = await self._visitor.fetch(url, trace)
        try:
            if answer.status != HTTP_OK:
                return UrlOutcome(n, _status_outcome(answer.status), f"HTTP {answer.status}")
            self._n_bytes_fetched += answer.body.size
            return await self._keep(n, answer)
        finally:
            answer.body.close()

    async def _keep(self, n: int, answer: Answer) -> UrlOutcome:
        """Verify the body and, when it is an image, pack it."""
        body = answer.body
        seen = await self._decode(body)
        if isinstance(seen, Rejection):
            return UrlOutcome(n, seen.outcome, seen.detail, file_size=body.size)
        sha256 = hashlib.sha256()
        for piece in body.pieces():
            sha256.update(piece)
        digest = sha256.hexdigest()
        if digest not in self._ranges:
            name = f"{self._chunk_id}-{n:05d}.{_EXTENSIONS[seen.format]}"
            self._ranges[digest] = self._pack.append(name, body.size, body.pieces()), body.size
        offset, length = self._ranges[digest]
        settled = UrlOutcome(
            n,
            Outcome.stored,
            file_size=body.size,
            sha256=digest,
            width=seen.width,
            height=seen.height,
            format=seen.format,
            mode=seen.mode,
            n_frames=seen.n_frames,
            phash=seen.phash,
            pack_offset=offset,
            pack_length=length,
        )
        settled.evidence["dhash"] = seen.dhash
        if seen.orientation is not None:
            settled.evidence["orientation"] = seen.orientation
        return settled

    async def _decode(self, body: Body) -> Features | Rejection:
        answered: Promise[Features | Rejection] = Promise(self._loop)
        with self._backlog.holding(body.size):
            self._pool.decode(body, answered.settle)
            return await answered


def _status_outcome(status: int) -> Outcome:
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:  # noqa: PLR2004
        return Outcome.http_5xx
    return Outcome.http_4xx if status >= 400 else Outcome.not_image  # noqa: PLR2004


def _add_trace(settled: UrlOutcome, trace: Trace) -> None:
    settled.final_url = trace.target.url if trace.target is not None else None
    settled.http_status = trace.status
    settled.content_type = _printable(trace.content_type)
    settled.detail = _printable(settled.detail)
    seen = {
        "address": trace.address,
        "redirects": trace.redirects,
        "retries": trace.n_retries,
        "retry_after": _printable(trace.retry_after),
    }
    settled.evidence |= {name: value for name, value in seen.items() if value}
    settled.evidence["elapsed_ms"] = round(trace.seconds * 1000)


def _printable(text: str | None) -> str | None:
    return text.translate(_UNPRINTABLE)[:_MAX_TEXT] if text else text

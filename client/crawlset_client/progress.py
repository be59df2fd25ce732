"""What is known of work under way, measured and put into words; draws nothing."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from crawlset_client.models import CrawlJob, Wait, Work

FIRST_DELAY_SECONDS = 0.3
LAST_DELAY_SECONDS = 2.0
DELAY_GROWTH = 1.25
RATE_WINDOW_SECONDS = 15.0
PREFIXES = ("B", "KB", "MB", "GB", "TB")
BYTES = "bytes"
"""The unit that is written as KB, MB and so on."""
SLOW = 0.1
SECONDS_A_MINUTE = 60
THOUSAND = 1000
TEN = 10


@dataclass(frozen=True)
class Snapshot:
    """A moment of work under way. `total` is None while it is unknown."""

    label: str
    status: str
    done: int
    total: int | None
    unit: str
    rate: float | None = None
    """Units a second."""
    eta_seconds: float | None = None
    parts: tuple[tuple[str, str], ...] = field(default=())
    """More to say, by name: chunks, outcomes."""


class Display(Protocol):
    def show(self, snapshot: Snapshot) -> None: ...


class Rate:
    """Units a second over the last moments; it must be told the total done so far."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None

    def average(self) -> float | None:
        """The rate since the first moment; None before two moments can be compared."""
        if self._first is None:
            return None
        (began, before), (now, done) = self._first, self._seen[-1]
        return (done - before) / (now - began) if now > began else None

    def add(self, done: int) -> float | None:
        """The rate now that `done` are done; None before two moments can be compared."""
        now = self._clock()
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
            self._first = None
        self._seen.append((now, done))
        self._first = self._first or (now, done)
        while len(self._seen) > 2 and now - self._seen[0][0] > RATE_WINDOW_SECONDS:  # noqa: PLR2004
            self._seen.popleft()
        began, before = self._seen[0]
        return (done - before) / (now - began) if now > began else None


def delays() -> Iterator[float]:
    """Seconds between questions: short at first, never above two."""
    seconds = FIRST_DELAY_SECONDS
    while True:
        yield seconds
        seconds = min(LAST_DELAY_SECONDS, seconds * DELAY_GROWTH)


def wait_for[W: Work](
    ask: Callable[[], W],
    measure: Callable[[W], Snapshot],
    display: Display,
    sleep: Callable[[float], None],
) -> W:
    """Ask again and again, show each answer, and give the first that is final."""
    for seconds in delays():
        work = ask()
        display.show(measure(work))
        if work.is_final:
            return work
        sleep(seconds)
    raise AssertionError


def is_recrawling(job: CrawlJob) -> bool:
    """Whether what goes on is to ask for stored pictures again."""
    return job.recrawl is not None and job.recrawl.pending > 0


def crawl_snapshot(job: CrawlJob, rate: Rate, *, is_recrawl: bool = False) -> Snapshot:
    """
    A crawl: its total is known once every search has answered.

    With `is_recrawl` it is measured by the stored pictures that are asked for again.
    """
    is_searching = any(search.status in {"pending", "queued"} for search in job.searches)
    n_all, pending, found = job.progress.candidates, job.progress.pending, job.outcomes
    if is_recrawl and job.recrawl is not None:
        n_all, pending, found = job.recrawl.asked, job.recrawl.pending, job.recrawl.found
    done = n_all - pending
    per_second = rate.add(done)
    eta = None
    if per_second and not is_searching and not job.is_final:
        eta = pending / per_second
    is_known = n_all > 0 and not is_searching
    return Snapshot(
        label=f"Crawling {job.name}{' again' if is_recrawl else ''}",
        status=job.status,
        done=done,
        total=n_all if is_known or job.is_final else None,
        unit="images",
        rate=rate.average() if job.is_final else per_second,
        eta_seconds=eta,
        parts=tuple(_parts(job, found, is_searching=is_searching)),
    )


def _parts(
    job: CrawlJob, found: Mapping[str, int], *, is_searching: bool
) -> Iterator[tuple[str, str]]:
    n_chunks = job.chunks.completed + job.chunks.failed + job.chunks.cancelled
    yield "chunks", f"{n_chunks:,}/{job.chunks.total:,}"
    if is_searching:
        n_answered = sum(search.status not in {"pending", "queued"} for search in job.searches)
        yield "searches", f"{n_answered:,}/{len(job.searches):,}"
        yield from _reading(job)
    for wait in job.waiting:
        if wait.until is not None:
            yield "waiting for", describe_wait(wait, datetime.now(UTC))
    for code, count in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        yield code, f"{count:,}"
    if job.progress.repeated:
        yield "repeated", f"{job.progress.repeated:,}"


def _reading(job: CrawlJob) -> Iterator[tuple[str, str]]:
    """How much of the list has been read, while it is."""
    for search in job.searches:
        if search.bytes_total:
            read, total = _amount(search.bytes_read, BYTES), _amount(search.bytes_total, BYTES)
            yield "rows read", f"{search.n_rows_read:,} ({read} of {total})"


def describe_wait(wait: Wait, now: datetime) -> str:
    """What a job waits for, why, and how long: `sample (sample asks to wait; again in 0:30)`."""
    why = wait.reason.rstrip(".")
    if wait.until is not None:
        why += f"; again in {duration(max(0.0, (wait.until - now).total_seconds()))}"
    return f"{wait.name} ({why})"


def describe(snapshot: Snapshot) -> str:
    """One line: `Crawling cats: running, 12/80 images, 5.2 images/s, 0:14 left; chunks 1/4`."""
    total = "" if snapshot.total is None else f"/{_amount(snapshot.total, snapshot.unit)}"
    unit = "" if snapshot.unit == BYTES else f" {snapshot.unit}"
    pieces = [snapshot.status, f"{_amount(snapshot.done, snapshot.unit)}{total}{unit}"]
    if pace := describe_pace(snapshot):
        pieces.append(pace)
    line = f"{snapshot.label}: {', '.join(pieces)}"
    if snapshot.parts:
        line += "; " + describe_parts(snapshot)
    return line


def describe_pace(snapshot: Snapshot) -> str:
    """Rate and time left, as far as they are known."""
    pieces = []
    if snapshot.rate and snapshot.done:
        pieces.append(_pace(snapshot.rate, snapshot.unit))
    if snapshot.eta_seconds is not None:
        pieces.append(f"{duration(snapshot.eta_seconds)} left")
    return ", ".join(pieces)


def _pace(rate: float, unit: str) -> str:
    """A second; a minute where it is less than one in ten seconds."""
    if unit == BYTES:
        return f"{size(rate)}/s"
    if rate < SLOW:
        return f"{rate * SECONDS_A_MINUTE:,.1f} {unit}/min"
    return f"{rate:,.1f} {unit}/s"


def describe_parts(snapshot: Snapshot) -> str:
    return ", ".join(f"{name} {value}" for name, value in snapshot.parts)


def duration(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(n_bytes: float) -> str:
    """Bytes with a decimal prefix: `4.2 MB`."""
    for prefix in PREFIXES:
        if n_bytes < THOUSAND or prefix == PREFIXES[-1]:
            break
        n_bytes /= THOUSAND
    return (
        f"{n_bytes:,.0f} {prefix}" if n_bytes >= TEN or prefix == "B" else f"{n_bytes:.1f} {prefix}"
    )


def _amount(count: int, unit: str) -> str:
    return size(count) if unit == BYTES else f"{count:,}"

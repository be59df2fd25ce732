"""What is known of work under way, measured and put into words; draws nothing."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from crawlset_client.models import CrawlJob, Work

FIRST_DELAY_SECONDS = 0.3
LAST_DELAY_SECONDS = 2.0
DELAY_GROWTH = 1.25
RATE_WINDOW_SECONDS = 15.0
PREFIXES = ("B", "KB", "MB", "GB", "TB")
BYTES = "bytes"
"""The unit that is written as KB, MB and so on."""
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

    def add(self, done: int) -> float | None:
        """The rate now that `done` are done; None before two moments can be compared."""
        now = self._clock()
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
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


def crawl_snapshot(job: CrawlJob, rate: Rate) -> Snapshot:
    """A crawl: its total is known once every search has answered."""
    progress = job.progress
    done = progress.candidates - progress.pending
    is_searching = any(search.status in {"pending", "queued"} for search in job.searches)
    per_second = rate.add(done)
    eta = None
    if per_second and not is_searching and not job.is_final:
        eta = progress.pending / per_second
    n_chunks = job.chunks.completed + job.chunks.failed + job.chunks.cancelled
    outcomes = sorted(job.outcomes.items(), key=lambda item: (-item[1], item[0]))
    parts = [("chunks", f"{n_chunks:,}/{job.chunks.total:,}")]
    if is_searching:
        n_answered = sum(search.status not in {"pending", "queued"} for search in job.searches)
        parts.append(("searches", f"{n_answered:,}/{len(job.searches):,}"))
    parts.extend((code, f"{count:,}") for code, count in outcomes)
    is_known = progress.candidates > 0 and not is_searching
    return Snapshot(
        label=f"Crawling {job.name}",
        status=job.status,
        done=done,
        total=progress.candidates if is_known or job.is_final else None,
        unit="images",
        rate=per_second,
        eta_seconds=eta,
        parts=tuple(parts),
    )


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
    if snapshot.rate is not None and snapshot.done:
        is_bytes = snapshot.unit == BYTES
        pieces.append(
            f"{size(snapshot.rate)}/s" if is_bytes else f"{snapshot.rate:,.1f} {snapshot.unit}/s"
        )
    if snapshot.eta_seconds is not None:
        pieces.append(f"{duration(snapshot.eta_seconds)} left")
    return ", ".join(pieces)


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

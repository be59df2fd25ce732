"""Progress on a terminal as a moving bar, elsewhere as a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from crawlset_client.progress import (
    BYTES,
    Display,
    Rate,
    Snapshot,
    describe,
    describe_pace,
    describe_parts,
    size,
)
from crawlset_client.text import printable
from crawlset_client.transfers import Advance

Clock = Callable[[], float]

LINE_EVERY_SECONDS = 5.0
FRAMES_A_SECOND = 8
BAR_WIDTH = 30
INDENT = (0, 0, 0, 2)


@contextmanager
def open_display(console: Console, clock: Clock = time.monotonic) -> Iterator[Display]:
    """Something to show snapshots on, for as long as the block lasts."""
    if console.is_terminal and not console.is_dumb_terminal:
        live = Live(console=console, refresh_per_second=FRAMES_A_SECOND)
        with live:
            yield LiveDisplay(live)
    else:
        yield LineDisplay(console, clock)


@contextmanager
def open_transfer(
    console: Console, label: str, n_bytes: int, clock: Clock = time.monotonic
) -> Iterator[Advance]:
    """Show `n_bytes` on their way; the block is given what to call for each piece."""
    rate = Rate(clock)
    done = 0
    with open_display(console, clock) as display:

        def advance(more: int) -> None:
            nonlocal done
            done += more
            per_second = rate.add(done)
            is_done = done >= n_bytes
            eta = (n_bytes - done) / per_second if per_second and not is_done else None
            status = "completed" if is_done else "running"
            display.show(Snapshot(label, status, done, n_bytes, BYTES, per_second, eta))

        yield advance


class LiveDisplay:
    """Redraws one block in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._spinner = Spinner("dots")

    def show(self, snapshot: Snapshot) -> None:
        self._live.update(self._drawn(snapshot))

    def _drawn(self, snapshot: Snapshot) -> Group:
        is_running = snapshot.status in {"pending", "running"}
        head = Table.grid(padding=(0, 1))
        sign = self._spinner if is_running else Text(_sign(snapshot.status))
        head.add_row(sign, Text(printable(snapshot.label), style="bold"), Text(snapshot.status))
        facts = Table.grid(padding=(0, 1))
        amounts, pace = Text(_amounts(snapshot)), Text(describe_pace(snapshot), style="cyan")
        if is_running or snapshot.total:
            facts.add_row(_bar(snapshot), amounts, pace)
        else:
            facts.add_row(amounts, pace)
        more = Text(describe_parts(snapshot), style="dim")
        return Group(head, Padding(facts, INDENT), Padding(more, INDENT))


class LineDisplay:
    """Prints a line when the status changes, and every few seconds else."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._shown: tuple[str, str] | None = None
        self._shown_at = 0.0

    def show(self, snapshot: Snapshot) -> None:
        state = (snapshot.label, snapshot.status)
        now = self._clock()
        if state != self._shown or now - self._shown_at >= LINE_EVERY_SECONDS:
            self._console.print(printable(describe(snapshot)), soft_wrap=True)
            self._shown, self._shown_at = state, now


class StepList:
    """Steps that take a while, each ticked off with the time it took."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._last = clock()

    def tick(self, name: str, detail: str = "") -> None:
        now = self._clock()
        line = Text.assemble(
            ("✓ ", "green"), f"{printable(name):<28}", (f"{now - self._last:6.1f} s  ", "cyan")
        )
        line.append(printable(detail), style="dim")
        self._console.print(line, soft_wrap=True)
        self._last = now


def _bar(snapshot: Snapshot) -> ProgressBar:
    return ProgressBar(
        total=snapshot.total or 1,
        completed=snapshot.done if snapshot.total else 0,
        width=BAR_WIDTH,
        pulse=not snapshot.total,
    )


def _sign(status: str) -> str:
    return "✓" if status == "completed" else "✗"


def _amounts(snapshot: Snapshot) -> str:
    if snapshot.unit == BYTES:
        return f"{size(snapshot.done)}/{size(snapshot.total or 0)}"
    total = "" if snapshot.total is None else f"/{snapshot.total:,}"
    return f"{snapshot.done:,}{total} {snapshot.unit}"

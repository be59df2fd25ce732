"""Tables for the screen, and sections of docs/benchmarks.md, each between two marks."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

PATH = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"

_WIDTH = 130
"""Columns of the screen that the tables need."""


@dataclass(frozen=True)
class Grid:
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def rich(self) -> Table:
        table = Table(title=self.title, title_justify="left")
        for n, name in enumerate(self.head):
            table.add_column(name, justify="left" if n == 0 else "right")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{table}"


def show(grids: Iterable[Grid]) -> None:
    """Print `grids`, wide enough also where there is no terminal."""
    console = Console()
    console.width = max(console.width, _WIDTH)
    for grid in grids:
        console.print(grid.rich())


def put_section(name: str, text: str, path: Path = PATH) -> None:
    """Replace what stands between the marks of `name`; at the end where there are none yet."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    written = path.read_text()
    if begin not in written:
        path.write_text(f"{written.rstrip()}\n\n{section}\n")
        return
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    path.write_text(marked.sub(lambda _: section, written))


def machine() -> str:
    """Processor, memory, system and Python of this machine, in one line."""
    facts = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", facts)
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, {gib:.0f} GiB,"
        f" Linux {platform.release()}, Python {platform.python_version()}"
    )

"""Results on standard output, everything else on standard error."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TextIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from crawlset_client.columns import fit, short_ids
from crawlset_client.errors import CrawlsetError
from crawlset_client.lookup import is_id
from crawlset_client.text import printable

WIDTH_OF_A_FILE = 200
"""Columns to draw tables in where no terminal says how many there are."""


class Output:
    """
    How a command speaks. With `as_json` standard output gets one JSON document, whatever happens;
    with `is_quiet` standard error gets errors alone.
    """

    def __init__(self, *, as_json: bool, is_quiet: bool = False) -> None:
        self.as_json = as_json
        self.is_quiet = is_quiet
        self._is_open = False

    @property
    def messages(self) -> Console:
        """Standard error, for progress and for what a person should know meanwhile."""
        return _console(sys.stderr, is_animated=sys.stderr.isatty(), is_quiet=self.is_quiet)

    def note(self, text: str) -> None:
        self.messages.print(printable(text), soft_wrap=True)

    def result(self, document: Any, draw: Callable[[Console], None]) -> None:
        """What the command was asked for: `document` in JSON, or drawn for a person."""
        if self.as_json:
            self._print_json(document)
        else:
            draw(_console(sys.stdout))

    def items(self, documents: Iterable[Any]) -> None:
        """One document of many items in JSON, written as they come."""
        self._is_open = True
        sys.stdout.write('{\n  "items": [')
        for place, document in enumerate(documents):
            sys.stdout.write(",\n    " if place else "\n    ")
            json.dump(document, sys.stdout)
        sys.stdout.write("\n  ]\n}\n")
        sys.stdout.flush()
        self._is_open = False

    def error(self, error: CrawlsetError) -> None:
        line = f"error: {printable(error.detail)}"
        if error.request_id:
            line += f" ({error.code}, request {error.request_id})"
        else:
            line += f" ({error.code})"
        print(line, file=sys.stderr, flush=True)  # noqa: T201
        if self.as_json:
            problem = {
                "code": error.code,
                "detail": error.detail,
                "request_id": error.request_id,
            }
            self._print_error({"error": problem, **error.subject})

    def _print_error(self, document: dict[str, Any]) -> None:
        """Where items were being written, what ended them is the end of their document."""
        if self._is_open:
            sys.stdout.write(f"\n  ],\n  {json.dumps(document)[1:]}\n")
            sys.stdout.flush()
        else:
            self._print_json(document)

    def _print_json(self, document: Any) -> None:
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        sys.stdout.flush()


def table(
    console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = ""
) -> None:
    """
    Rows under a header; a column whose values are numbers is set to the right.

    Where there is too little room, ids are shortened to their ends, then cells are broken between
    words, and at last each row becomes a block of lines.
    """
    held = [list(row) for row in rows]
    cells = [list(columns), *([_cell(value) for value in row] for row in held)]
    widths = fit(cells, console.width)
    if widths is None or any(map(_is_broken, zip(*cells, strict=True), widths)):
        cells = _with_short_ids(cells)
        widths = fit(cells, console.width)
    if title:
        console.print(printable(title), style="italic")
    if widths is None:
        _draw_blocks(console, columns, held)
    else:
        _draw_table(console, cells, widths, held)
    console.print()


def _draw_table(
    console: Console,
    cells: Sequence[Sequence[str]],
    widths: Sequence[int],
    held: Sequence[Sequence[object]],
) -> None:
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, (name, width) in enumerate(zip(cells[0], widths, strict=True)):
        is_number = bool(held) and all(isinstance(row[place], int) for row in held)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        drawn.add_column(name, justify=justify, width=width)
    for row in cells[1:]:
        drawn.add_row(*row)
    console.print(drawn)


def _draw_blocks(
    console: Console, columns: Sequence[str], held: Sequence[Sequence[object]]
) -> None:
    """A line a value; a value that is longer than a line is the terminal's to wrap."""
    name_width = max(map(len, columns))
    for place, row in enumerate(held):
        if place:
            console.print()
        for name, value in zip(columns, row, strict=True):
            console.print(f"{name:<{name_width}}  {_cell(value)}".rstrip(), soft_wrap=True)


def _is_broken(column: Sequence[str], width: int) -> bool:
    return max(map(cell_len, column)) > width


def _with_short_ids(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    short = short_ids(cell for row in cells for cell in row if is_id(cell))
    return [[short.get(cell, cell) for cell in row] for row in cells]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else printable(value)


def _columns() -> int | None:
    """The width that COLUMNS asks for."""
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and int(given) else None


def _console(stream: TextIO, *, is_animated: bool | None = None, is_quiet: bool = False) -> Console:
    """
    A console on `stream`, coloured as NO_COLOR, FORCE_COLOR and TERM say.

    FORCE_COLOR makes a file a terminal to rich; one that is not `is_animated` gets no moves of a
    cursor by it.
    """
    width = None if stream.isatty() else _columns() or WIDTH_OF_A_FILE
    return Console(
        file=stream,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=False if is_animated is False else None,
        quiet=is_quiet,
    )

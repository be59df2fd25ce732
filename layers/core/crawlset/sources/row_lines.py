"""Lines of CSV, of which a row may take any number."""

import csv
from collections import deque
from collections.abc import Iterator

from crawlset.sources.text_lines import Lines

MAX_ROW_CHARS = 8 << 20
"""
Characters of a line, and of the lines that one row of CSV goes over, at most.

A picture of several megabytes, as a `data:` URL, is a line among others.
"""

csv.field_size_limit(MAX_ROW_CHARS)


class RowLines:
    """Lines for a reader of CSV, whose quoted cells may go over any number of them."""

    def __init__(self, lines: Lines) -> None:
        self.number = lines.number
        """Counts the lines that were read."""
        self._lines = lines
        self._row: list[str] = []
        self._n_chars = 0
        self._again: deque[str] = deque()
        """Lines behind one whose quote, as is known, is closed nowhere that makes a row."""
        self._why = ""

    def begin(self) -> None:
        """Say that the next line begins a row."""
        self._row.clear()
        self._n_chars = 0

    def give_up(self, why: str) -> str:
        """
        Give the first line of this row; the lines behind it are read again.

        A quote that somebody forgot costs its own line only. None is read more than twice: a quote
        that is open at the end of one of them fares as the first one did.
        """
        first, *others = self._row
        self.number -= len(others)
        self._again.extend(others)
        self._lines.is_ahead = bool(self._again)
        self._why = why
        return first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._row and self._again:
            raise csv.Error(self._why)
        if self._again:
            line = self._again.popleft()
            self._lines.is_ahead = bool(self._again)
        else:
            line = next(self._lines)
        self.number += 1
        self._row.append(line)
        self._n_chars += len(line)
        if self._n_chars > MAX_ROW_CHARS:
            raise csv.Error(f"a row of more than {MAX_ROW_CHARS:,} characters")
        return line

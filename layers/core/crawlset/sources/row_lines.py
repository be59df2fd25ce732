"""Lines of CSV, of which a row may take any number."""

import csv
from collections import deque
from collections.abc import Iterator

from crawlset.sources.manifest_columns import MalformedManifestError

MAX_ROW_CHARS = 8 << 20
"""
Characters of a line, and of the lines that one row of CSV goes over, at most.

A picture of several megabytes, as a `data:` URL, is a line among others.
"""
MAX_CHARS_AGAIN = 32 << 20
"""Characters that are read again, at most, because they stood behind a row that is no CSV."""

csv.field_size_limit(MAX_ROW_CHARS)


class RowLines:
    """Lines for a reader of CSV, whose quoted cells may go over any number of them."""

    def __init__(self, lines: Iterator[str], number: int = 0) -> None:
        self.number = number
        """Counts the lines that were read."""
        self._lines = lines
        self._row: list[str] = []
        self._n_chars = 0
        self._again: deque[str] = deque()
        self._n_chars_again = 0

    def begin(self) -> None:
        """Say that the next line begins a row."""
        self._row.clear()
        self._n_chars = 0

    def give_up(self, why: str) -> str:
        """
        The first line of this row; the lines behind it are read again.

        A quote that somebody forgot costs its own line only.
        """
        first, *others = self._row
        self.number -= len(others)
        self._n_chars_again += self._n_chars - len(first)
        if self._n_chars_again > MAX_CHARS_AGAIN:
            raise MalformedManifestError(f"Line {self.number} is not CSV, as too many are: {why}.")
        self._again.extendleft(reversed(others))
        return first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self._row.append(line)
        self._n_chars += len(line)
        if self._n_chars > MAX_ROW_CHARS:
            raise csv.Error(f"a row of more than {MAX_ROW_CHARS:,} characters")
        return line

"""Lines of a text, which can be looked at ahead, and know where they stand."""

from collections import deque
from collections.abc import Callable, Iterator

from crawlset.sources.reading_place import ReadingPlace

PlacedLine = tuple[str, int | None]
"""A line, and the byte behind it; None where that cannot be said."""


class Lines:
    """The lines of a text from its beginning, or, once its shape is known, from a later place."""

    def __init__(
        self,
        placed: Iterator[PlacedLine],
        later: ReadingPlace | None = None,
        lines_from: Callable[[int], Iterator[PlacedLine]] | None = None,
    ) -> None:
        """`go_on` goes to `later`; `lines_from` gives the lines from a byte on."""
        self.number = 0
        """Counts the lines that were given."""
        self.is_ahead = False
        """Whether lines that were given are yet to be made rows of."""
        self.n_rows_of_line = 0
        """Rows made of the last line; 0 where one line never makes several."""
        self._placed = placed
        self._later = later
        self._lines_from = lines_from
        self._ahead: deque[PlacedLine] = deque()
        self._begin: int | None = 0
        self._end: int | None = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, end = self._ahead.popleft() if self._ahead else next(self._placed)
        self._begin, self._end = self._end, end
        self.number += 1
        self.n_rows_of_line = 0
        return line

    def peek(self, n_lines: int, n_chars: int) -> list[str]:
        """The next lines, which are given later: so many, or more characters than these."""
        n_seen = 0
        for placed in self._placed:
            self._ahead.append(placed)
            n_seen += len(placed[0])
            if len(self._ahead) == n_lines or n_seen > n_chars:
                break
        return [line for line, _ in self._ahead]

    def go_on(self) -> bool:
        """Go to the later place, if there is one, and say so."""
        if self._later is None or self._lines_from is None:
            return False
        self._placed = self._lines_from(self._later.offset)
        self._ahead.clear()
        self._begin = self._end = self._later.offset
        self.number = self._later.n_lines
        return True

    def place(self) -> ReadingPlace | None:
        """Where reading can go on, behind the last row; None where that cannot be said."""
        if self.n_rows_of_line:
            if self._begin is None:
                return None
            return ReadingPlace(self.n_rows_of_line, self._begin, self.number - 1)
        if self._end is None or self.is_ahead:
            return None
        return ReadingPlace(0, self._end, self.number)

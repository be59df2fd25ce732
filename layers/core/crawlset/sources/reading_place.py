"""How far a manifest has been read, so that another process can go on there."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from crawlset.wire.record import Record


@dataclass(frozen=True, slots=True)
class ReadingPlace(Record):
    """A place between two rows of a manifest; as it stands, the beginning."""

    n_rows: int = 0
    """Rows between what the other fields say and the place."""
    offset: int = 0
    """Byte of a text at which a row begins."""
    n_lines: int = 0
    """Lines before `offset`."""
    group: int = 0
    """Row group of Parquet."""


START = ReadingPlace()


class PlaceKeeper:
    """
    Knows the place behind the last row that a reader gave.

    A reader that can go on elsewhere than at the beginning says by `follow` how to ask it.
    """

    def __init__(self, start: ReadingPlace = START) -> None:
        self.start = start
        """Where the reader is to begin; it does not pass over `n_rows`."""
        self._ask: Callable[[], ReadingPlace | None] = lambda: None

    def follow(self, ask: Callable[[], ReadingPlace | None]) -> None:
        self._ask = ask

    def place(self, n_given: int) -> ReadingPlace:
        """The place once `n_given` rows have been given since the start."""
        return self._ask() or replace(self.start, n_rows=self.start.n_rows + n_given)

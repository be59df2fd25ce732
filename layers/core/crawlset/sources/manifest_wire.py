"""
What `manifest_child` and `manifest_worker` say to each other, through the worker's pipes.

From the worker: a kind, the length of what follows, and that. To it: the length and the bytes of
each piece of the file that it asked for.
"""

from dataclasses import dataclass
from enum import StrEnum
from struct import Struct

from crawlset.sources.reading_place import START, ReadingPlace
from crawlset.wire.record import Record
from crawlset.wire.searches import ListReading, ManifestFormat

FRAME = Struct("<cI")
"""Kind and length."""
PIECE = Struct("<I")
"""Length."""
WANTED = Struct("<QI")
"""Offset and length of the piece that is asked for."""

UP = b"u"
WANT = b"w"
ROWS = b"r"
"""With the place behind them, and the rows."""
MALFORMED = b"m"
BROKEN = b"b"
"""With a traceback: an error that nobody thought of."""
END = b"e"

MAX_FRAME_BYTES = 8 << 20
MAX_PIECE_BYTES = 4 << 20
PAGE_ROWS = 5_000
PAGE_CHARS = 1 << 18
"""Characters of a page of rows, but for its last row: fourfold in memory, sixfold as ASCII."""


class Packing(StrEnum):
    plain = "plain"
    gzip = "gzip"
    zstd = "zstd"
    zip = "zip"
    tar = "tar"
    tar_gzip = "tar-gzip"

    @property
    def is_archive(self) -> bool:
        """Whether there are files in it."""
        return self in {Packing.zip, Packing.tar, Packing.tar_gzip}


@dataclass(frozen=True, slots=True)
class ReadingTask(Record):
    """What the worker is to read."""

    format: ManifestFormat
    packing: Packing
    size: int
    limit: int
    """Rows that are wanted."""
    reading: ListReading
    max_bytes: int
    """What it may unpack to."""
    start: ReadingPlace = START
    """Where to go on: what is not read from its beginning has been found readable before."""

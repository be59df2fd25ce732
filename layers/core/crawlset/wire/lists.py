"""The files of one list: an object that says what is to be read, in order."""

from dataclasses import dataclass
from typing import ClassVar

from crawlset.wire.record import Record, Versioned
from crawlset.wire.searches import ManifestFormat


@dataclass(frozen=True, slots=True)
class ListHead(Versioned):
    """The first line, above a line for each file."""

    n_files: int
    n_bytes: int
    """The sum of the files' sizes, as they are stored."""


@dataclass(frozen=True, slots=True)
class ListedFile(Record):
    """One file of a list."""

    ADDED: ClassVar[frozenset[str]] = frozenset({"format", "bucket"})

    key: str
    name: str
    """What people call it."""
    format: ManifestFormat | None = None
    bucket: str | None = None
    """None for the bucket of this deployment."""


@dataclass(frozen=True, slots=True)
class UnreadList(Record):
    """A file of a list that could not be read, and why."""

    name: str
    reason: str

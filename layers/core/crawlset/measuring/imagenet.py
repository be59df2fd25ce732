"""ImageNet's classes for a keyword: what a network that knows 1,000 classes would call it."""

import gzip
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from pluralizer import Pluralizer

MAX_WORDS = 8
"""Words of a keyword beyond which it is no name of a thing."""
_AFTER_HEAD = frozenset({"at", "by", "for", "from", "in", "near", "of", "on", "under", "with"})
"""Prepositions: what stands before them is what a picture shows."""
_SEVERAL = frozenset({"and", "or", "vs", "not"})


@dataclass(frozen=True, slots=True)
class ClassesOfKeyword:
    """The classes that a keyword stands for, and the noun through which they were found."""

    noun: str
    numbers: tuple[int, ...]
    """Places among the 1,000 probabilities, sorted."""
    names: tuple[str, ...]
    """WordNet's names of each class."""


@dataclass(frozen=True, slots=True)
class _Table:
    names: tuple[str, ...]
    nouns: dict[str, tuple[int, ...]]
    others: frozenset[str]
    """Nouns of several words without classes, though their last words have some: `dog paddle`."""


def class_names() -> tuple[str, ...]:
    """WordNet's names of ImageNet's 1,000 classes, in the order of their numbers."""
    return _table().names


@lru_cache(1_000)
def classes_of(keyword: str) -> ClassesOfKeyword | None:
    """
    Find the classes of an English noun; None if it has none, or too few of its kinds are classes.

    Case, hyphens and plurals do not matter. A noun of several words that WordNet does not know
    means what its last words do (`red bicycle`), and what comes before a preposition
    (`cup of coffee`). A more general noun stands for all classes below it: `dog` for 118.
    """
    table = _table()
    for noun in _nouns(keyword):
        if noun in table.others:
            return None
        if numbers := table.nouns.get(noun):
            return ClassesOfKeyword(noun, numbers, tuple(table.names[one] for one in numbers))
    return None


def _nouns(keyword: str) -> Iterator[str]:
    """Spellings under which a keyword is looked for, the most special first."""
    plain = unicodedata.normalize("NFKC", keyword).casefold()
    words = re.sub(r"[\s_\-]+", " ", plain).strip(" .,;:!?\"'").split(" ")
    if len(words) > MAX_WORDS or "," in plain or not _SEVERAL.isdisjoint(words):
        return
    yield from _spellings(words)
    ends = [i for i, word in enumerate(words) if word in _AFTER_HEAD]
    head = words[: ends[0]] if ends and ends[0] > 0 else words
    for begin in range(len(head)):
        yield from _spellings(head[begin:])


def _spellings(words: list[str]) -> Iterator[str]:
    yield " ".join(words)
    singular: str = Pluralizer().singular(words[-1])  # type: ignore[no-untyped-call]
    yield " ".join([*words[:-1], singular])


@cache
def _table() -> _Table:
    names: list[str] = []
    nouns: dict[str, tuple[int, ...]] = {}
    others: set[str] = set()
    packed = (files("crawlset.measuring") / "imagenet.tsv.gz").read_bytes()
    text = gzip.decompress(packed).decode()
    for line in text.splitlines():
        kind, _, rest = line.partition("\t")
        if kind == "class":
            names.append(rest.split("\t")[2])
        elif kind == "noun":
            noun, _, ranges = rest.partition("\t")
            nouns[noun] = tuple(_numbers(ranges))
        elif kind == "other":
            others.add(rest)
    return _Table(tuple(names), nouns, frozenset(others))


def _numbers(ranges: str) -> Iterator[int]:
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)

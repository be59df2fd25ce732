"""Classes of which a split of an export has no image."""

from collections.abc import Iterable

from crawlset.errors import UnprocessableError
from crawlset.exports.escaping import shorten

MAX_NAMED = 5
MAX_SHOWN = 60


class ClassMissingError(UnprocessableError):
    """An export that shall have every class in every split has not."""

    def __init__(self, split: str, classes: list[str], found_by: str | None = None) -> None:
        found = f" that {found_by} finds" if found_by else ""
        super().__init__(
            f"The split {split} has no image of {named(classes)}{found}; `missing_classes` asks to"
            " fail.",
            "/export_options/missing_classes",
        )


def find(
    present: Iterable[tuple[str, str]], classes: Iterable[str] = (), splits: Iterable[str] = ()
) -> dict[str, list[str]]:
    """
    Classes that are missing in each split, by split.

    `present` are the pairs of a split and a class that have images; `classes` and `splits` those
    that should be there besides.
    """
    by_split: dict[str, set[str]] = {split: set() for split in splits}
    for split, name in present:
        by_split.setdefault(split, set()).add(name)
    wanted = set(classes).union(*by_split.values())
    return {split: sorted(wanted - found) for split, found in by_split.items() if wanted - found}


def refuse(
    present: Iterable[tuple[str, str]],
    classes: Iterable[str] = (),
    splits: Iterable[str] = (),
    *,
    found_by: str | None = None,
) -> None:
    """
    Raise `ClassMissingError` for the first split that lacks a class.

    `found_by` is the loader that finds no more than `present`, if other images are there.
    """
    for split, names in find(present, classes, splits).items():
        raise ClassMissingError(split, names, found_by)


def named(classes: list[str]) -> str:
    """Name the first of `classes`, long names by their start, and say how many more there are."""
    return listed([shortened(name) for name in classes])


def listed(texts: list[str]) -> str:
    """List the first of `texts`, and say how many more there are."""
    first = ", ".join(texts[:MAX_NAMED])
    n_more = len(texts) - MAX_NAMED
    return f"{first} and {n_more:,} more" if n_more > 0 else first


def shortened(name: str) -> str:
    return shorten(name, MAX_SHOWN)

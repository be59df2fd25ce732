"""Classes of which a split of an export has no image."""

from collections.abc import Iterable

from crawlset.errors import UnprocessableError

MAX_NAMED = 5
MAX_SHOWN = 60


class ClassMissingError(UnprocessableError):
    """An export that shall have every class in every split has not."""

    def __init__(self, split: str, classes: list[str]) -> None:
        super().__init__(
            f"The split {split} has no image of {named(classes)}; `missing_classes` asks to fail.",
            "/export_options/missing_classes",
        )


def find(present: Iterable[tuple[str, str]], classes: Iterable[str] = ()) -> dict[str, list[str]]:
    """
    Classes that are missing in each split, by split.

    `present` are the pairs of a split and a class that have images; `classes` those that should be
    there besides.
    """
    by_split: dict[str, set[str]] = {}
    for split, name in present:
        by_split.setdefault(split, set()).add(name)
    wanted = set(classes).union(*by_split.values())
    return {split: sorted(wanted - found) for split, found in by_split.items() if wanted - found}


def refuse(present: Iterable[tuple[str, str]], classes: Iterable[str] = ()) -> None:
    """Raise `ClassMissingError` for the first split that lacks a class."""
    for split, names in find(present, classes).items():
        raise ClassMissingError(split, names)


def named(classes: list[str]) -> str:
    """Name the first of `classes`, long names by their start, and say how many more there are."""
    first = ", ".join(shorten(name) for name in classes[:MAX_NAMED])
    n_more = len(classes) - MAX_NAMED
    return f"{first} and {n_more:,} more" if n_more > 0 else first


def shorten(name: str) -> str:
    return name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"

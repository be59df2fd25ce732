"""What a check found, and how to mend what is wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    ok = "ok"
    warning = "warning"
    wrong = "wrong"


@dataclass(frozen=True)
class Finding:
    name: str
    state: State
    found: str
    mend: str | None = None
    """One line on what to do; None where nothing need be done."""


Check = Callable[[], Iterable[Finding]]


def ok(name: str, found: str) -> Finding:
    return Finding(name, State.ok, found)


def warning(name: str, found: str, mend: str | None = None) -> Finding:
    return Finding(name, State.warning, found, mend)


def wrong(name: str, found: str, mend: str) -> Finding:
    return Finding(name, State.wrong, found, mend)


def examine(checks: Mapping[str, Check]) -> Iterator[Finding]:
    """Make each check, by name; one that breaks is a warning and keeps no other back."""
    for name, check in checks.items():
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
            found = f"cannot be checked: {type(error).__name__}: {' '.join(str(error).split())}"
            yield warning(name, found)

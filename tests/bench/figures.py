"""
What benches measured, by name: one file a bench, each name with a figure for every round.

The table of goals (`tests.bench.goals`) is made of them.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[2] / ".bench" / "figures"

Figures = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Spread:
    """Of several rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def text(self, digits: int) -> str:
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        low, high = (f"{value:,.{digits}f}" for value in (self.low, self.high))
        return f"{self.median:,.{digits}f} ({low}–{high})"  # noqa: RUF001


def keep(bench: str, figures: Figures, directory: Path = DIRECTORY) -> None:
    """Put `figures` beside those that `bench` kept before; of a name the newest stay."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{bench}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(kept | dict(figures), indent=1))


def load(directory: Path = DIRECTORY) -> dict[str, list[float]]:
    """Every figure as `bench.name`."""
    return {
        f"{path.stem}.{name}": values
        for path in sorted(directory.glob("*.json"))
        for name, values in json.loads(path.read_text()).items()
    }

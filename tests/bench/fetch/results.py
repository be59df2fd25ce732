"""What was measured, kept after every pair of runs so that a run can be taken up again."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.fetch.measure import Sample
from tests.bench.figures import Spread


@dataclass(frozen=True)
class Pair:
    """A contender's two runs of one round."""

    few: Sample
    many: Sample

    @property
    def _n(self) -> int:
        return self.many.n_images - self.few.n_images

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time for one picture more."""
        return 1000 * (self.many.cpu_seconds - self.few.cpu_seconds) / self._n

    @property
    def images_per_second(self) -> float:
        """By the clock, start-up left out."""
        return self._n / (self.many.wall_seconds - self.few.wall_seconds)


Key = Callable[[Pair], float]


@dataclass
class Results:
    settings: dict[str, Any]
    """What makes two runs comparable."""
    threads: dict[str, int] = field(default_factory=dict)
    """img2dataset's, by workload."""
    pairs: dict[str, dict[str, list[Pair]]] = field(default_factory=dict)
    """By workload and contender, one a round."""
    facts: dict[str, float] = field(default_factory=dict)
    """What is measured once."""

    def add(self, workload: str, contender: str, pair: Pair) -> None:
        self.pairs.setdefault(workload, {}).setdefault(contender, []).append(pair)

    def of(self, workload: str, contender: str) -> list[Pair]:
        return self.pairs.get(workload, {}).get(contender, [])

    def spread(self, workload: str, contender: str, key: Key) -> Spread:
        return Spread.of(map(key, self.of(workload, contender)))

    def ratios(self, workload: str, over: tuple[str, Key], under: tuple[str, Key]) -> list[float]:
        """Round by round; none where one of the two contenders was not measured."""
        (a, key_a), (b, key_b) = over, under
        rounds = zip(self.of(workload, a), self.of(workload, b), strict=False)
        return [key_a(x) / key_b(y) for x, y in rounds]

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1))
        part.replace(path)

    @classmethod
    def load(cls, path: Path, settings: dict[str, Any]) -> "Results":
        """Those at `path` if they were measured with `settings`; else none."""
        kept = json.loads(path.read_text()) if path.exists() else {}
        if kept.get("settings") != settings:
            return cls(settings)
        pairs = {
            workload: {
                name: [Pair(Sample(**pair["few"]), Sample(**pair["many"])) for pair in rounds]
                for name, rounds in contenders.items()
            }
            for workload, contenders in kept["pairs"].items()
        }
        return cls(settings, kept["threads"], pairs, kept["facts"])

"""What was measured of whole jobs, kept so that a part of it can be measured anew."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench.fetch.measure import Sample
from tests.bench.figures import Spread

SERVER = "server"
"""The part of a cloud's census that is the bench's own: nobody's cost."""
ALL = "all"


@dataclass(frozen=True)
class Run:
    n_images: int
    seconds: float
    cpu_seconds: dict[str, float]
    """By part of the cloud, or `ALL` of a program."""
    idle: float = 0.0
    """Share of the cores' time in which they had nothing to do."""
    peak_mb: dict[str, float] = field(default_factory=dict)
    """By part: resident memory of its processes at once, at most."""
    facts: dict[str, float] = field(default_factory=dict)
    """Counts of the job, and what its database weighs."""

    @classmethod
    def of(cls, sample: Sample) -> "Run":
        cost = {ALL: sample.cpu_seconds}
        return cls(sample.n_images, sample.wall_seconds, cost, peak_mb={ALL: sample.peak_mb})

    @property
    def images_per_second(self) -> float:
        return self.n_images / self.seconds

    def cpu_ms(self, *parts: str) -> float:
        """Milliseconds an image, of `parts` or of all."""
        named = parts or (self.cpu_seconds.keys() - {SERVER})
        return 1000 * sum(self.cpu_seconds.get(part, 0.0) for part in named) / self.n_images


@dataclass
class Results:
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    """By workload and contender, one a round."""

    def add(self, workload: str, contender: str, run: Run) -> None:
        self.runs.setdefault(workload, {}).setdefault(contender, []).append(run)

    def of(self, workload: str, contender: str) -> list[Run]:
        return self.runs.get(workload, {}).get(contender, [])

    def spread(self, workload: str, contender: str, key: Callable[[Run], float]) -> Spread:
        return Spread.of(map(key, self.of(workload, contender)))

    def faster(self, workload: str, contender: str, other: str) -> list[float]:
        """How many times as fast `contender` is by the clock, round by round."""
        rounds = zip(self.of(workload, contender), self.of(workload, other), strict=False)
        return [a.images_per_second / b.images_per_second for a, b in rounds]

    def costs(self, workload: str, contender: str) -> list[tuple[str, float]]:
        """Milliseconds an image by part, over all rounds, the dearest first."""
        runs = self.of(workload, contender)
        sums: defaultdict[str, float] = defaultdict(float)
        for run in runs:
            for part, seconds in run.cpu_seconds.items():
                sums[part] += 1000 * seconds / sum(each.n_images for each in runs)
        return sorted(sums.items(), key=lambda cost: -cost[1])

    def forget(self, workloads: Iterable[str]) -> None:
        for workload in workloads:
            self.runs.pop(workload, None)

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=1))
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Results":
        if not path.exists():
            return cls()
        return cls(
            {
                workload: {name: [Run(**run) for run in runs] for name, runs in contenders.items()}
                for workload, contenders in json.loads(path.read_text())["runs"].items()
            }
        )

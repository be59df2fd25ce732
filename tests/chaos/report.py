"""What one seed has shown, in a line; where something is broken, in some more."""

from dataclasses import dataclass
from pathlib import Path

from tests.chaos.healing import Healing

SHOWN = 6


@dataclass(frozen=True)
class Broken:
    invariant: str
    detail: str


@dataclass(frozen=True)
class Report:
    seed: int
    faults: tuple[str, ...]
    healing: Healing
    n_requeues: int
    n_answers: int
    broken: tuple[Broken, ...]
    seconds: tuple[float, float, float]
    """To start, in trouble, and to heal and be checked."""
    root: Path

    def healing_text(self) -> str:
        """Waited and set ahead, and whether the queues were lost, after which `requeue` is sent."""
        lever = f", {self.n_requeues} x requeue" if self.n_requeues else ""
        return f"{self.healing.waited:.0f} s + {self.healing.jumped / 60:.0f} min{lever}"

    def line(self) -> str:
        """For a person: the seed, its faults, how it healed, and what is broken."""
        names = sorted({broken.invariant for broken in self.broken})
        verdict = f"BROKEN {', '.join(names)}" if names else "holds"
        first = (
            f"seed {self.seed}: {verdict}; healed in {self.healing_text()}; "
            f"{self.n_answers} answers; {' + '.join(f'{s:.0f}' for s in self.seconds)} s; "
            f"{' '.join(self.faults)}"
        )
        shown = [f"    {broken.invariant}: {broken.detail}" for broken in self._some()]
        if not shown:
            return first
        again = f"    again: .venv/bin/python -m tests.chaos.driver --seed {self.seed}"
        return "\n".join([first, *shown, again, f"    logs: {self.root}/*/logs"])

    def _some(self) -> list[Broken]:
        """A few of each invariant."""
        shown: list[Broken] = []
        for broken in self.broken:
            if sum(broken.invariant == other.invariant for other in shown) < SHOWN:
                shown.append(broken)
        return shown

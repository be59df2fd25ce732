"""
The goals of the project's speed, each with what was measured: pass, miss, or not measured.

`python -m tests.bench.goals [--write]`. Nothing runs here: figures are those that other benches
left in `.bench/figures`, medians of their rounds. `--write` puts the table into docs/benchmarks.md.
"""

import sys
from dataclasses import dataclass

from tests.bench import document, figures
from tests.bench.document import Grid
from tests.bench.figures import Spread


@dataclass(frozen=True)
class Goal:
    key: str
    """The figure's name."""
    what: str
    least: float | None = None
    most: float | None = None
    unit: str = "×"  # noqa: RUF001

    @property
    def wanted(self) -> str:
        limit, sign = (self.most, "≤") if self.least is None else (self.least, "≥")
        return f"{sign} {limit:g} {self.unit}"

    def is_met_by(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


GOALS = (
    Goal("whole_job.http.speed", "list to rows against img2dataset, HTTP, 64 hosts", least=1.3),
    Goal("whole_job.owned.speed", "the same, one owned host, 200 ms, asked for 64", least=1.2),
    Goal("whole_job.https.speed", "the same, HTTPS, 64 hosts, 50 ms an answer", least=2.5),
    Goal("whole_job.files.speed", "list to WebDataset on disk, HTTPS, 64 hosts, 50 ms", least=2),
    Goal("whole_job.http.cpu_ms", "CPU of a whole job an image, HTTP", most=2.5, unit="ms"),
    Goal("whole_job.http.rows_ms", "of it record, PostgreSQL, plan and api", most=0.3, unit="ms"),
    Goal("whole_job.http.emulator_ms", "of it the emulator", most=0.3, unit="ms"),
    Goal("fetch.http.margin", "engine against img2dataset, HTTP, at the margin", least=1.8),
    Goal("fetch.http.whole", "the same, whole run", least=2.2),
    Goal("fetch.http.cold", "the same, cold run of a fifth as many", least=4),
    Goal("fetch.https.margin", "the same, HTTPS, at the margin", least=2.5),
    Goal("fetch.resize.margin", "the same, resized to 256, at the margin", least=1.5),
    Goal("fetch.http.floor", "engine, share of the floor", least=0.7),
    Goal("fetch.cores.speed", "two cores against one", least=1.9),
    Goal("decode_steps.features", "features, share of the decode", most=35, unit="%"),
    Goal("whole_job.files.idle", "cores idle while a list is crawled", most=10, unit="%"),
    Goal("whole_job.growth.cpu", "CPU an image, the large job against the small", most=1.1),
    Goal("whole_job.million.minutes", "1,000,000 pictures", most=60, unit="minutes"),
    Goal("routes.starts.p50_ms", "POSTs that start work, the slowest p50", most=80, unit="ms"),
    Goal("routes.starts.p99_ms", "the same, the slowest p99", most=300, unit="ms"),
    Goal("start.up_seconds", "`crawlset up`, warm, to the first answer", most=3, unit="s"),
)


def table(measured: dict[str, list[float]], goals: tuple[Goal, ...] = GOALS) -> Grid:
    rows = []
    for goal in goals:
        values = measured.get(goal.key, [])
        spread = Spread.of(values) if values else None
        rows.append(
            (
                goal.what,
                goal.wanted,
                spread.text(2) if spread else "not measured",
                "" if spread is None else "pass" if goal.is_met_by(spread.median) else "miss",
            )
        )
    return Grid("Goals on CPython 3.13", ("goal", "wanted", "measured", ""), rows)


def main() -> None:
    grid = table(figures.load())
    document.show([grid])
    if "--write" in sys.argv:
        text = f"{grid.markdown()}\n\nMedians (least–most); {document.machine()}."  # noqa: RUF001
        document.put_section("goals", text)


if __name__ == "__main__":
    main()

import json
from pathlib import Path

import pytest

from tests.bench import figures
from tests.bench.fetch import report as fetch_report
from tests.bench.fetch.results import Results
from tests.bench.goals import GOALS, Goal, table


class TestTable:
    @pytest.mark.parametrize(
        ("goal", "values", "verdict"),
        [
            (Goal("a", "", least=1.3), [1.3], "pass"),
            (Goal("a", "", least=1.3), [1.29], "miss"),
            (Goal("a", "", most=2.5), [2.5], "pass"),
            (Goal("a", "", most=2.5), [2.51], "miss"),
            (Goal("a", "", least=2), [9.0, 2.0, 1.0], "pass"),
            (Goal("a", "", least=2), [9.0, 1.9, 1.0], "miss"),
        ],
        ids=["at-least", "below-least", "at-most", "above-most", "median", "median-below"],
    )
    def test_decides_by_the_median(self, goal: Goal, values: list[float], verdict: str) -> None:
        (row,) = table({"a": values}, (goal,)).rows

        assert row[3] == verdict

    def test_names_what_was_not_measured(self) -> None:
        rows = table({}).rows

        assert {row[2:] for row in rows} == {("not measured", "")}
        assert len(rows) == len(GOALS)


class TestFigures:
    def test_of_a_part_measured_anew_leave_the_others(self, tmp_path: Path) -> None:
        figures.keep("bench", {"a": [1.0, 2.0], "b": [3.0]}, tmp_path)
        figures.keep("bench", {"b": [4.0]}, tmp_path)

        assert figures.load(tmp_path) == {"bench.a": [1.0, 2.0], "bench.b": [4.0]}

    def test_of_fetching_are_those_that_goals_ask_for(self, tmp_path: Path) -> None:
        sample = {"n_images": 1, "cpu_seconds": 1.0, "wall_seconds": 1.0, "peak_mb": 1.0}
        pair = {
            "few": sample,
            "many": {**sample, "n_images": 2, "cpu_seconds": 3.0, "wall_seconds": 3.0},
        }
        labels = ("Crawlset", "img2dataset", "floor", "one core", "two cores")
        kept = {
            "settings": {},
            "threads": {},
            "facts": {},
            "pairs": {
                workload: {label: [pair] for label in labels}
                for workload in ("http", "https", "resize", "cores")
            },
        }
        path = tmp_path / "fetch.json"
        path.write_text(json.dumps(kept))

        found = fetch_report.figures(Results.load(path, {}))

        asked = {goal.key.removeprefix("fetch.") for goal in GOALS if goal.key.startswith("fetch.")}
        assert asked <= found.keys()

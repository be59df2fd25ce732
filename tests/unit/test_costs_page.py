"""The tables of docs/costs.md come from code, and their numbers from the templates."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from crawlset import costs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "infra/costs_page.py"))


class TestCostsPage:
    def test_has_the_tables_of_today(self, page: dict[str, Any]) -> None:
        written = (ROOT / "docs/costs.md").read_text(encoding="utf-8")

        assert page["with_tables"](written) == written

    def test_of_a_deployment_at_rest_comes_to_twenty_five_dollars_at_most(
        self, page: dict[str, Any]
    ) -> None:
        month = sum(line.dollars for line in page["fixed"]())

        assert month <= 25
        assert pytest.approx(month, abs=0.005) == costs.FIXED_MONTH

    def test_of_a_million_images_are_below_a_dollar_but_for_bytes_and_rows(
        self, page: dict[str, Any]
    ) -> None:
        """Compute, requests and queues, by the defaults of an estimate."""
        million = costs.cost_of(page["work_of"](1_000_000))

        assert million.compute_requests_and_queues < 1.0

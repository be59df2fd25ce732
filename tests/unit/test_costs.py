from dataclasses import asdict, replace

import pytest

from crawlset import costs
from crawlset.costs import BilledWork

NOTHING = BilledWork(
    n_searches=0, n_candidates=0, n_chunks=0, fetch_seconds=0.0, n_stored=0, bytes_stored=0
)


class TestCostOf:
    def test_a_fetcher_costs_its_memory_and_its_disk(self) -> None:
        hour = costs.cost_of(replace(NOTHING, fetch_seconds=3600.0))

        memory = 3600 * 1769 / 1024 * 0.0000133334
        disk = 3600 * 9.5 * 0.0000000309
        watched = costs.cost_of(NOTHING).aws_lambda
        assert hour.aws_lambda - watched == pytest.approx(memory + disk)

    def test_stored_bytes_cost_a_month_and_one_download_and_an_export_another(self) -> None:
        terabyte = costs.cost_of(replace(NOTHING, bytes_stored=10**12))

        assert terabyte.transfer == pytest.approx(90.0)
        assert terabyte.storage == pytest.approx(46.0)
        assert terabyte.s3 == pytest.approx(10**12 / (64 << 20) * 0.005 / 1000)

    def test_a_candidate_has_a_row_that_is_written_and_kept(self) -> None:
        million = costs.cost_of(replace(NOTHING, n_candidates=1_000_000))

        assert million.database == pytest.approx(0.25 + 0.32 + 0.06)

    def test_a_chunk_is_sent_and_recorded_by_a_message_each(self) -> None:
        chunks = costs.cost_of(replace(NOTHING, n_chunks=1_000_000))

        assert chunks.sqs == pytest.approx(2 * 3 * 0.40)

    def test_the_items_add_up(self) -> None:
        cost = costs.cost_of(
            BilledWork(
                n_searches=3,
                n_candidates=9_000,
                n_chunks=20,
                fetch_seconds=600.0,
                n_stored=8_000,
                bytes_stored=10**9,
            )
        )

        lines = list(asdict(cost).values())
        assert cost.total == pytest.approx(sum(lines))
        assert min(lines) > 0

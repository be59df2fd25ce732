"""What estimates are made of is what the template deploys."""

import pytest

from crawlset import costs
from crawlset.estimates import service as estimating
from tests.infra.stack import functions, written

MEMORY_PAID_FOR = {
    "ApiFunction": costs.API_MIB,
    "AuthorizeFunction": costs.API_MIB,
    "DiscoverFunction": costs.DISCOVER_MIB,
    "FetchFunction": costs.FETCH_MIB,
    "PlanFunction": costs.PLAN_MIB,
    "RecordFunction": costs.RECORD_MIB,
    "ValidateFunction": costs.PIPELINE_MIB,
    "ExportFunction": costs.PIPELINE_MIB,
}


class TestCosts:
    @pytest.mark.parametrize("function", sorted(MEMORY_PAID_FOR))
    def test_know_the_memory_of_a_function(self, function: str) -> None:
        assert functions()[function]["MemorySize"] == MEMORY_PAID_FOR[function]

    def test_know_the_disk_of_a_fetcher(self) -> None:
        free = 512
        size = functions()["FetchFunction"]["EphemeralStorage"]["Size"]
        assert size - free == costs.FETCH_STORAGE_MIB

    def test_know_how_many_fetchers_are_at_work(self) -> None:
        assert written()["Parameters"]["MaxFetchConcurrency"]["Default"] == estimating.FETCHERS

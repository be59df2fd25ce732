"""
How several workers share what starts clouds: all tests of a file go to one, which has the file's
cloud for itself; each seed goes to whoever is free.

`--dist loadgroup` would do it by marks, but pytest 9.2 hides them from it, and nothing fails:
https://github.com/pytest-dev/pytest-xdist/issues/1386.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

SEEDS = "test_chaos.py"


class SeedsApart(LoadFileScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return nodeid if file.endswith(SEEDS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SeedsApart:
    return SeedsApart(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Seeds come first, as they take longest."""
    items.sort(key=lambda item: item.path.name != SEEDS)

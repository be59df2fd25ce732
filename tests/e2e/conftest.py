"""The local cloud, as `crawlset up` runs it, on free ports and in a home of its own."""

from collections.abc import Iterator

import pytest

from crawlset_local.cloud import LocalCloud
from crawlset_local.ports import free_ports


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud"), free_ports())
    with cloud:
        yield cloud
    cloud.erase()

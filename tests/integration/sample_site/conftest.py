from collections.abc import Iterator

import pytest

from crawlset_local.sample_site import SampleSite, serve
from tests.integration.sample_site.client import Client


@pytest.fixture(scope="module")
def site() -> Iterator[SampleSite]:
    with serve(0) as site:
        yield site


@pytest.fixture
def client(site: SampleSite) -> Iterator[Client]:
    """A client of a site whose counters are at zero."""
    client = Client(site)
    client.api("/_requests/reset", "POST")
    yield client
    client.connection.close()

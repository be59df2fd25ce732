"""
The local cloud, as `crawlset up` runs it, on free ports and in a home of its own; and what is
outside of it: a server for webhooks, and an identity provider.
"""

from collections.abc import Iterator

import pytest

from crawlset_local.cloud import LocalCloud
from crawlset_local.sample_site.faults import SLOW_HOST
from tests.e2e.issuer import AUDIENCE, Issuer, issuing
from tests.integration.webhook_receiver import Receiver, receiving
from tests.ports import free_ports
from tests.unit.measuring import toy_towers


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="session")
def cloud(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, issuer: Issuer
) -> Iterator[LocalCloud]:
    cloud = LocalCloud(
        tmp_path_factory.mktemp("cloud"),
        free_ports(),
        parameters={"OidcIssuer": issuer.url, "OidcAudience": AUDIENCE},
        private_hosts=[receiver.host],
        owned_hosts=[f"{SLOW_HOST}.localhost"],
        towers_folder=toy_towers.write(tmp_path_factory.mktemp("towers")),
    )
    with cloud:
        yield cloud
    cloud.erase()

"""A laptop's cloud that is started again, by an owner who had revoked the only key."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from standardwebhooks import Webhook as Verifier

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api, wait_for
from tests.integration.webhook_receiver import Receiver, receiving
from tests.ports import free_ports


@dataclass(frozen=True)
class Again:
    """The cloud that is up again, and what there was before."""

    cloud: LocalCloud
    receiver: Receiver
    revoked_key: str
    secret: str
    project: str


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Again]:
    ports, home = free_ports(), tmp_path_factory.mktemp("again") / "home"
    with receiving() as receiver:
        make = partial(LocalCloud, with_sample_site=False, private_hosts=[receiver.host])
        with make(home, ports) as first, Api.of(first) as api:
            asked = {"url": receiver.url, "events": ["crawl_job.created"]}
            secret = api.post("/api/webhooks", asked)["secret"]
            (key,) = api.get("/api/api-keys")["items"]
            assert api.client.delete(f"/api/api-keys/{key['id']}").is_success

        with make(home, ports) as cloud:
            yield Again(cloud, receiver, first.api_key, secret, api.project)
        cloud.erase()


def test_lets_its_owner_in_who_has_revoked_the_only_key(again: Again) -> None:
    with Api.of(again.cloud, again.project) as api:
        assert again.cloud.api_key != again.revoked_key
        assert api.get(f"/api/projects/{again.project}")["id"] == again.project


def test_signs_with_the_secrets_that_it_has_shown_before(again: Again) -> None:
    with Api.of(again.cloud, again.project) as api:
        api.create_job(urls=[again.receiver.url], sources=["urls"])
        again.cloud.invoke("TickFunction", {})
        (received,) = wait_for(lambda: again.receiver.received, bool, 60)

    told = Verifier(again.secret).verify(received.body, received.headers)
    assert told["type"] == "crawl_job.created"

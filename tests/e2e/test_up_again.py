"""A laptop's cloud that is started again."""

from functools import partial
from pathlib import Path

from standardwebhooks import Webhook as Verifier

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api, wait_for
from tests.integration.webhook_receiver import receiving
from tests.ports import free_ports


def test_lets_its_owner_in_who_has_revoked_the_only_key(tmp_path: Path) -> None:
    ports = free_ports()
    with (
        LocalCloud(tmp_path / "home", ports, with_sample_site=False) as cloud,
        Api.of(cloud) as api,
    ):
        first = cloud.api_key
        (key,) = api.get("/api/api-keys")["items"]
        assert api.client.delete(f"/api/api-keys/{key['id']}").is_success
        project = api.project

    again = LocalCloud(tmp_path / "home", ports, with_sample_site=False)
    with again, Api.of(again, project) as api:
        assert again.api_key != first
        assert api.get(f"/api/projects/{project}")["id"] == project
    again.erase()


def test_signs_with_the_secrets_that_it_has_shown_before(tmp_path: Path) -> None:
    ports, home = free_ports(), tmp_path / "home"
    with receiving() as receiver:
        start = partial(LocalCloud, with_sample_site=False, private_hosts=[receiver.host])
        with start(home, ports) as cloud, Api.of(cloud) as api:
            asked = {"url": receiver.url, "events": ["crawl_job.created"]}
            secret = api.post("/api/webhooks", asked)["secret"]
            project = api.project

        again = start(home, ports)
        with again, Api.of(again, project) as api:
            api.create_job(urls=[receiver.url], sources=["urls"])
            again.invoke("TickFunction", {})
            (received,) = wait_for(lambda: receiver.received, bool, 60)
    again.erase()

    assert Verifier(secret).verify(received.body, received.headers)["type"] == "crawl_job.created"

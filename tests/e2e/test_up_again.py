"""A laptop's cloud that is started again."""

from pathlib import Path

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api
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

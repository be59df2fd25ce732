"""Search by text and by picture on the local cloud, with toy towers in its bucket."""

from collections.abc import Iterator

import pytest

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import FINAL, Api, wait_for


@pytest.fixture(scope="module")
def measured(cloud: LocalCloud) -> Iterator[tuple[Api, str]]:
    """The API, and the path of a job whose pictures the towers and the palette have measured."""
    with Api.of(cloud) as api:
        job_id = api.create_job(keywords=["cat", "coffee"], sources=["sample"], max_images=40)
        api.wait_for_job(job_id, 120)
        path = api.job_path(job_id)
        rules = {"preset": "report_only", "measurers": ["towers", "palette"]}
        made = api.post(f"{path}/validation-jobs", {"validation_rules": rules})
        wait_for(
            lambda: api.get(f"{path}/validation-jobs/{made['id']}"),
            lambda job: job["status"] in FINAL,
            240,
        )
        yield api, path


class TestFind:
    def test_gives_the_pictures_that_are_most_like_the_text(
        self, measured: tuple[Api, str]
    ) -> None:
        api, path = measured

        found = api.get(f"{path}/nearest-images", text="red", limit=5)

        similarities = [one["similarity"] for one in found["items"]]
        assert len(similarities) == 5
        assert similarities == sorted(similarities, reverse=True)
        assert found["n_compared"] == found["n_stored"] > 5
        assert found["is_complete"]

    def test_gives_the_pictures_that_are_most_like_another(self, measured: tuple[Api, str]) -> None:
        api, path = measured
        (image, *_) = api.get(f"{path}/nearest-images", text="blue", limit=1)["items"]

        found = api.get(
            f"{path}/nearest-images", like=image["image"]["id"], measurer="palette", limit=3
        )

        assert len(found["items"]) == 3
        assert image["image"]["id"] not in {one["image"]["id"] for one in found["items"]}

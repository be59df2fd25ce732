"""Every official source on the local cloud, each a fake in its real shape."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from crawlset.sources import openverse
from crawlset_local.cloud import LocalCloud
from crawlset_local.source_access import SourceAccess
from tests.e2e.http_clients import Api, assert_conserved
from tests.e2e.official_sources import SOURCES, Official, serving
from tests.ports import free_ports

KEYED = ("europeana", "smithsonian", "flickr", "brave", "serpapi")
KEYS = {f"{name}_key": f"{name[0]}-key" for name in KEYED}
FOUND = {
    "openverse": ("cc-by-sa-2.0", "Tim Example"),
    "wikimedia": ("cc-by-sa-4.0", "Ada & Co"),
    "gbif": ("cc-by-4.0", "Ada Finder"),
    "inaturalist": ("cc-by-4.0", "Ada"),
    "met": ("cc0-1.0", "Kiyohara Yukinobu"),
    "artic": ("cc0-1.0", "Vincent van Gogh"),
    "nasa": (None, "Ada"),
    "cleveland": ("cc0-1.0", "Thomas Cole"),
    "library_of_congress": ("no-known-copyright", "Lange, Dorothea, photographer"),
    "rijksmuseum": ("pdm-1.0", "Johannes Vermeer"),
    "europeana": ("pdm-1.0", "Anon."),
    "smithsonian": ("cc0-1.0", "Seymour Example"),
    "flickr": ("cc-by-4.0", "Marine Explorer"),
    "brave": (None, None),
    "google": (None, None),
    "bing": (None, None),
    "duckduckgo": (None, None),
}
N_STORED = {
    "openverse": 25,
    "wikimedia": 30,
    "gbif": 5,
    "inaturalist": 5,
    "met": 6,
    "artic": 1,
    "nasa": 5,
    "cleveland": 5,
    "library_of_congress": 5,
    "rijksmuseum": 2,
    "europeana": 5,
    "smithsonian": 5,
    "flickr": 5,
    "brave": 5,
    "google": 5,
    "bing": 5,
    "duckduckgo": 3,
}
"""Of 30 wanted of each; all works of the Art Institute have one picture here."""


@pytest.fixture(scope="module")
def official() -> Iterator[Official]:
    with serving() as official:
        yield official


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, official: Official) -> Iterator[Api]:
    """A cloud that may ask them all, and finds them here."""
    cloud = LocalCloud(
        tmp_path_factory.mktemp("sources"),
        free_ports(),
        private_hosts=[official.host],
        access=SourceAccess("tests@example.org", tuple(SOURCES), KEYS),
    )
    with cloud:
        move_sources(cloud, official)
        with Api.of(cloud) as api:
            yield api
    cloud.erase()


def move_sources(cloud: LocalCloud, official: Official) -> None:
    """Tell `discover` where the sources are."""
    client = cloud.client("lambda")
    name = cloud.stack.resources["DiscoverFunction"]
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables["SOURCE_URLS"] = json.dumps(official.urls)
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@pytest.fixture(scope="module")
def crawled(api: Api) -> Any:
    job_id = api.create_job(
        keywords=["street cat"], sources=list(SOURCES), max_images=30 * len(SOURCES)
    )
    return api.wait_for_job(job_id, 120)


@pytest.fixture(scope="module")
def stored(api: Api, crawled: Any) -> list[Any]:
    return list(api.items(f"{api.job_path(crawled['id'])}/images", status="stored"))


def test_every_source_brings_its_pictures(crawled: Any, stored: list[Any]) -> None:
    assert crawled["status"] == "completed", crawled["error_message"]
    assert [search["error_message"] for search in crawled["searches"]] == [None] * len(SOURCES)
    assert_conserved(crawled)
    assert Counter(image["source"] for image in stored) == N_STORED


@pytest.mark.parametrize("source", SOURCES)
def test_every_picture_has_its_rights(stored: list[Any], source: str) -> None:
    images = [image for image in stored if image["source"] == source]

    assert {(image["licence"], image["creator"]) for image in images} == {FOUND[source]}
    assert all(image["landing_url"].startswith("http") for image in images)
    assert all(image["attribution"] for image in images if image["creator"])
    assert {image["query"] for image in images} == {"street cat"}


def test_licences_that_are_not_wanted_are_counted(api: Api) -> None:
    job_id = api.create_job(
        keywords=["cat"], sources=["gbif", "met", "nasa"], max_images=30, licences=["pd"]
    )

    job = api.wait_for_job(job_id, 60)

    assert job["outcomes"] == {"refused_licence": 10, "stored": 6}


def test_three_jobs_together_keep_to_the_source_s_limits(api: Api, official: Official) -> None:
    n_before = len(official.asked("openverse"))
    official.throttled["openverse"] = [n_before + 2]

    job_ids = [
        api.create_job(keywords=[f"cat {n}"], sources=["openverse"], max_images=25)
        for n in range(3)
    ]
    jobs = [api.wait_for_job(job_id, 120) for job_id in job_ids]

    assert [job["status"] for job in jobs] == ["completed"] * 3
    assert [job["progress"]["candidates"] for job in jobs] == [25] * 3
    questions = official.asked("openverse")[n_before:]
    assert [question.status for question in questions].count(429) == 1
    gaps = [(later.begin - earlier.end, earlier.status) for earlier, later in pairwise(questions)]
    assert all(gap > openverse.GAP_SECONDS - 0.1 for gap, _ in gaps)
    assert all(gap > 1.9 for gap, status in gaps if status == 429)

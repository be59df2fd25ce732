"""The sample site's list of faults, and its count of how busy each host has been."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from crawlset_local.sample_hosts import SAMPLE_HOSTS
from crawlset_local.sample_site import SampleSite, serve
from crawlset_local.sample_site.faults import FAULTS, SLOW_HOST


class Client:
    def __init__(self, site: SampleSite, http: httpx.Client) -> None:
        self.site = site
        self.http = http

    def ask(self, url: str) -> httpx.Response:
        parts = urlsplit(url)
        return self.http.get(parts.path, headers={"Host": parts.netloc})

    def slow_url(self, n: int) -> str:
        return f"http://{SLOW_HOST}.localhost:{self.site.port}/{n}.jpg"

    def peak(self) -> int:
        n: int = self.http.get("/_requests").json()["peak_by_host"].get(f"{SLOW_HOST}.localhost", 0)
        return n


@pytest.fixture
def client() -> Iterator[Client]:
    with serve(0) as site, httpx.Client(base_url=site.url, trust_env=False) as http:
        yield Client(site, http)


class TestFaults:
    def test_are_listed_apart_from_the_works(self, client: Client) -> None:
        urls = client.http.get("/faults.txt").text.split()

        works = {work["url"] for work in client.http.get("/catalogue").json()["works"]}
        assert len(set(urls)) == len(urls) == len(FAULTS)
        assert {urlsplit(url).netloc for url in urls} <= set(client.site.hosts)
        assert works.isdisjoint(urls)

    def test_are_on_hosts_that_the_local_cloud_lets_through(self, client: Client) -> None:
        let_through = {f"{host}.localhost:{client.site.port}" for host in SAMPLE_HOSTS}

        assert set(client.site.hosts) == let_through

    def test_are_each_on_one_host(self, client: Client) -> None:
        url = FAULTS["throttled"].url("throttled", client.site.port)

        assert client.ask(url).status_code == 429
        assert client.ask(url.replace("throttling", "trouble")).status_code == 404


class TestPeaks:
    def test_are_of_the_requests_under_way_at_once(self, client: Client) -> None:
        urls = [client.slow_url(n) for n in range(9)]

        with ThreadPoolExecutor(3) as pool:
            asked = list(pool.map(client.ask, urls))

        assert [answer.status_code for answer in asked] == [200] * 9
        assert client.peak() == 3

    def test_are_forgotten_with_the_requests(self, client: Client) -> None:
        client.ask(client.slow_url(0))
        before = client.peak()

        client.http.post("/_requests/reset")

        assert (before, client.peak()) == (1, 0)

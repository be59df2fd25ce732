"""The database goes away for ten seconds and comes back, as in a failover: a blip, no more."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from crawlset_local import postgres, postgres_home, processes
from crawlset_local.cloud import LocalCloud
from crawlset_local.home import open_home
from crawlset_local.processes import Child, wait_until
from tests.e2e.http_clients import Api, SampleSite, assert_conserved, wait_for
from tests.ports import free_ports

AWAY_SECONDS = 10
MAY_COST_SECONDS = 30
N_URLS = 1_500


class Database:
    """A PostgreSQL server that the test stops and starts."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_ports().postgres
        self._server: Child | None = None

    def start(self) -> str:
        self._server, dsn = postgres.start(self._home, self._port)
        return dsn

    def stop(self) -> None:
        assert self._server is not None
        processes.stop(self._server)

    def restart(self) -> float:
        """Be away for a while; gives the moment when it is back."""
        self.stop()
        back_at = time.monotonic() + AWAY_SECONDS
        wait_until(lambda: time.monotonic() > back_at, 2 * AWAY_SECONDS)
        self.start()
        return time.monotonic()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    home = tmp_path_factory.mktemp("database")
    with open_home(home):
        database = Database(home)
        yield database
        database.stop()
        postgres_home.erase(home)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud"), free_ports(), database.start())
    with cloud:
        yield cloud
    cloud.erase()


def begin(api: Api, site: SampleSite) -> str:
    """The id of a job that stores its pictures by now."""
    job_id = api.create_job(sources=["urls"], urls=site.manifest(N_URLS))
    wait_for(lambda: api.job(job_id), lambda job: job["progress"]["stored"] > 0, 60)
    return job_id


class TestCrawl:
    def test_ends_within_half_a_minute_of_when_it_would_have(
        self, cloud: LocalCloud, database: Database
    ) -> None:
        with Api.of(cloud) as api, SampleSite.of(cloud) as site:
            undisturbed = begin(api, site)
            began = time.monotonic()
            expected = api.wait_for_job(undisturbed, 120)["progress"]
            seconds_undisturbed = time.monotonic() - began

            disturbed = begin(api, site)
            began = time.monotonic()
            database.restart()
            job = api.wait_for_job(disturbed, 120)
            seconds = time.monotonic() - began

        print(f"undisturbed {seconds_undisturbed:.1f} s, disturbed {seconds:.1f} s")
        assert job["status"] == "completed"
        assert_conserved(job)
        assert job["progress"]["stored"] == expected["stored"]
        assert seconds - seconds_undisturbed < MAY_COST_SECONDS


class TestApi:
    def test_says_503_while_it_cannot_and_loses_and_doubles_nothing(
        self, cloud: LocalCloud, database: Database
    ) -> None:
        with Api.of(cloud) as api:
            fresh_key = api.post("/api/api-keys", {"name": "k", "scopes": ["read", "write"]})["key"]
        keys = [cloud.api_key, fresh_key]
        names = [[str(uuid4()) for _ in range(1_000)] for _ in keys]
        is_over = threading.Event()

        def make_projects(key: str, names: list[str]) -> tuple[list[str], list[httpx.Response]]:
            """One after the other, each until it is made, and looked for; gives every answer."""
            made: list[str] = []
            answers: list[httpx.Response] = []
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=cloud.api_url, headers=headers, timeout=120) as client:
                while not is_over.is_set() or len(made) == 0:
                    name = names[len(made)]
                    answers.append(client.get("/api/profile"))
                    answer = client.post(
                        "/api/projects", json={"name": name}, headers={"Idempotency-Key": name}
                    )
                    answers.append(answer)
                    if answer.status_code != 503:
                        made.append(name)
                    is_over.wait(0.2)
            return made, answers

        with ThreadPoolExecutor() as pool:
            asking = [pool.submit(make_projects, *each) for each in zip(keys, names, strict=True)]
            database.restart()
            is_over.set()
            told = [future.result() for future in asking]

        answers = [answer for _, answers in told for answer in answers]
        refused = [answer for answer in answers if answer.status_code not in {200, 201}]
        print(Counter(answer.status_code for answer in answers))
        assert refused
        for answer in refused:
            assert answer.status_code == 503, answer.text
            assert answer.headers["retry-after"]
            assert answer.headers["content-type"] == "application/problem+json"
        with Api.of(cloud) as api:
            there = Counter(project["name"] for project in api.items("/api/projects"))
        assert {name: there[name] for made, _ in told for name in made} == {
            name: 1 for made, _ in told for name in made
        }

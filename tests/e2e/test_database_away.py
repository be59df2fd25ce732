"""The database goes away for ten seconds and comes back, as in a failover: a blip, no more."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
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

pytestmark = pytest.mark.alone

AWAY_SECONDS = 10
MAY_COST_SECONDS = 30
N_URLS = 1_000


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

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stopped when the block begins, and back a while after that."""
        self.stop()
        back_at = time.monotonic() + AWAY_SECONDS
        yield
        wait_until(lambda: time.monotonic() > back_at, 2 * AWAY_SECONDS)
        self.start()


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
            with database.away():
                pass
            job = api.wait_for_job(disturbed, 120)
            seconds = time.monotonic() - began

        print(f"undisturbed {seconds_undisturbed:.1f} s, disturbed {seconds:.1f} s")
        assert job["status"] == "completed"
        assert_conserved(job)
        assert job["progress"]["stored"] == expected["stored"]
        assert seconds - seconds_undisturbed < MAY_COST_SECONDS


class Caller:
    """Makes projects, one after the other, and keeps every answer that it gets."""

    def __init__(self, cloud: LocalCloud, key: str) -> None:
        self.made: list[str] = []
        self.answers: list[httpx.Response] = []
        self._is_over = threading.Event()
        self._cloud = cloud
        self._headers = {"Authorization": f"Bearer {key}"}

    def call(self) -> None:
        with httpx.Client(
            base_url=self._cloud.api_url, headers=self._headers, timeout=120
        ) as client:
            name = str(uuid4())
            while not self._is_over.wait(0.2):
                self.answers.append(client.get("/api/profile"))
                answer = client.post(
                    "/api/projects", json={"name": name}, headers={"Idempotency-Key": name}
                )
                self.answers.append(answer)
                if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    self.made.append(name)
                    name = str(uuid4())

    def stop(self) -> None:
        self._is_over.set()

    def makes_some_more(self) -> bool:
        n_made = len(self.made)
        return wait_until(lambda: len(self.made) > n_made + 2, 60)


class TestApi:
    def test_says_503_while_it_cannot_and_loses_and_doubles_nothing(
        self, cloud: LocalCloud, database: Database
    ) -> None:
        with Api.of(cloud) as api:
            key = api.post("/api/api-keys", {"name": "k", "scopes": ["read", "write"]})["key"]
        # The authorizer knows the one when the database goes, and is asked of the other then.
        known, unknown = callers = Caller(cloud, cloud.api_key), Caller(cloud, key)

        with ThreadPoolExecutor() as pool, ExitStack() as stack:
            calling = [pool.submit(known.call)]
            for caller in callers:
                stack.callback(caller.stop)
            assert known.makes_some_more()
            with database.away():
                calling.append(pool.submit(unknown.call))
            assert known.makes_some_more()
            assert unknown.makes_some_more()
        for call in calling:
            call.result()

        answers = [*known.answers, *unknown.answers]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert {answer.status_code for answer in answers} == {200, 201, 503}
        assert refused[0].json()["code"] == "DatabaseAwayError"
        for answer in refused:
            assert answer.headers["retry-after"]
            assert answer.headers["content-type"] == "application/problem+json"
        made = [*known.made, *unknown.made]
        with Api.of(cloud) as api:
            there = Counter(project["name"] for project in api.items("/api/projects"))
        assert {name: there[name] for name in made} == dict.fromkeys(made, 1)

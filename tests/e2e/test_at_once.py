"""Many requests at once, over HTTP: what is exact stays exact."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from crawlset_local.cloud import LocalCloud
from tests.e2e.http_clients import Api

N_REQUESTS = 50
PLACES = 5
USUAL = 10


@pytest.fixture
def narrow(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud, whose account may have five jobs at once."""
    url = make_url(str(cloud.database_url)).set(drivername="postgresql+psycopg")
    engine = create_engine(url)

    def allow(n_jobs: int) -> None:
        with engine.begin() as connection:
            connection.execute(
                text("SELECT set_config('app.user_id', :id, true)"), {"id": cloud.profile_id}
            )
            connection.execute(
                text("UPDATE profiles SET max_active_jobs = :n_jobs"), {"n_jobs": n_jobs}
            )

    allow(PLACES)
    yield cloud
    allow(USUAL)
    engine.dispose()


@contextmanager
def no_image_planned(cloud: LocalCloud) -> Iterator[None]:
    """Let no job come to its end: whoever writes image rows waits until the block ends."""
    engine = create_engine(
        make_url(str(cloud.database_url)).set(drivername="postgresql+psycopg"), poolclass=NullPool
    )
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE images IN SHARE ROW EXCLUSIVE MODE"))
        yield


def post_all(api: Api, path: str, body: object, **headers: str) -> list[httpx.Response]:
    def post(_: int) -> httpx.Response:
        return api.client.post(path, json=body, headers=headers)

    with ThreadPoolExecutor(N_REQUESTS) as threads:
        return list(threads.map(post, range(N_REQUESTS)))


def test_as_many_jobs_start_as_there_are_places(narrow: LocalCloud) -> None:
    with Api.of(narrow) as api:
        path = f"/api/projects/{api.project}/crawl-jobs"
        body = {"name": "held", "sources": ["urls"], "urls": [f"{narrow.sample_url}/1.jpg"]}

        with no_image_planned(narrow):
            answers = post_all(api, path, body)
        for job in api.items(path):
            ended = api.client.post(f"{path}/{job['id']}/cancel")
            assert ended.status_code in {HTTPStatus.OK, HTTPStatus.CONFLICT}, ended.text

        assert Counter(answer.status_code for answer in answers) == {
            HTTPStatus.CREATED: PLACES,
            HTTPStatus.TOO_MANY_REQUESTS: N_REQUESTS - PLACES,
        }
        codes = {a.json()["code"] for a in answers if a.status_code != HTTPStatus.CREATED}
        assert codes == {"ActiveJobsExceededError"}


def test_a_repeated_request_makes_one_thing(narrow: LocalCloud) -> None:
    with Api.of(narrow) as api:
        answers = post_all(
            api, "/api/projects", {"name": "once"}, **{"Idempotency-Key": "made-at-once"}
        )

        made = {answer.json()["id"] for answer in answers if answer.is_success}
        others = {answer.json()["code"] for answer in answers if not answer.is_success}
        assert len(made) == 1
        assert others <= {"AskedMeanwhileError"}
        names = [project["name"] for project in api.items("/api/projects")]
        assert names.count("once") == 1

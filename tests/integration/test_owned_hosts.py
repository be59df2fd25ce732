"""Hosts that the deployment owns are asked for more at once, and no other is."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.crawls.planner import LANE_URLS, LANES_PER_HOST, OWNED_CHUNK_URLS
from crawlset.crawls.rechunking import rechunk
from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, Project
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, OwnedHost
from tests import factories
from tests.integration.api import Api
from tests.integration.candidate_parts import plan

Own = Callable[[str], None]

OWNED = "images.example.org"
PER_HOST = {OWNED: 64}

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    def own(hosts: str) -> None:
        monkeypatch.setenv("OWNED_HOSTS", hosts)
        settings.owned_host_settings.cache_clear()

    yield own
    settings.owned_host_settings.cache_clear()


@pytest.fixture
def job(session: Session, project: Project, own: Own) -> CrawlJob:
    """A job that asks `OWNED`, which the deployment owns, for 64 at once."""
    own(f"other.example.org,{OWNED}")
    policy = {"licences": [], "intended_use": "research", "per_host": PER_HOST}
    return factories.create_crawl_job(session, project, status=JobStatus.pending, policy=policy)


def create(project: Project, per_host: Any) -> tuple[int, Any]:
    body = {"name": "cats", "keywords": ["cat"], "sources": ["sample"], "per_host": per_host}
    return Api(project.user_id).call("POST", f"/api/projects/{project.id}/crawl-jobs", body)


def urls(n: int, host: str = OWNED) -> list[str]:
    return [f"https://{host}/{at}.jpg" for at in range(n)]


def lanes(session: Session, job: CrawlJob) -> list[tuple[str | None, int, int | None]]:
    chunks = session.scalars(
        select(JobChunk).where(JobChunk.crawl_job_id == job.id).order_by(JobChunk.id)
    )
    return sorted((chunk.lane or "", chunk.n_urls, chunk.per_host) for chunk in chunks)


class TestCreateJobWithOwnedHosts:
    def test_takes_a_host_that_the_deployment_owns(self, project: Project, own: Own) -> None:
        own(f"other.example.org, {OWNED}")

        status, body = create(project, PER_HOST)

        assert (status, body.get("per_host")) == (201, PER_HOST)

    @pytest.mark.parametrize(
        ("owned", "named", "host"),
        [
            ("Images.Example.org", "images.example.ORG.", OWNED),
            ("xn--bcher-kva.example", "b\u00fccher.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ],
        ids=["case", "international", "address"],
    )
    def test_knows_a_host_however_it_is_spelled(
        self, project: Project, own: Own, owned: str, named: str, host: str
    ) -> None:
        own(owned)

        status, body = create(project, {named: 8})

        assert (status, body.get("per_host")) == (201, {host: 8})

    @pytest.mark.parametrize("owned", ["", "example.org", f"not-{OWNED}"])
    def test_names_the_host_that_is_not_owned_and_what_to_do(
        self, project: Project, own: Own, owned: str
    ) -> None:
        own(owned)

        status, problem = create(project, PER_HOST)

        assert (status, problem["code"]) == (422, "UnprocessableError")
        assert [error["pointer"] for error in problem["errors"]] == [f"/per_host/{OWNED}"]
        assert OWNED in problem["detail"]
        assert "OwnedHosts" in problem["detail"]

    @pytest.mark.parametrize(
        "per_host",
        [
            {OWNED: 7},
            {OWNED: 129},
            {OWNED: "64"},
            {OWNED: True},
            {OWNED: None},
            {f"https://{OWNED}/": 64},
            {f"{OWNED}:443": 64},
            {f"{OWNED}/a": 64},
            {f"a@{OWNED}": 64},
            {"": 64},
            {OWNED: 8, OWNED.upper(): 64},
            {f"{n}.example.org": 64 for n in range(21)},
            64,
        ],
        ids=[
            "fewer than any host gets",
            "too many at once",
            "text",
            "true",
            "null",
            "a URL",
            "a port",
            "a path",
            "a user",
            "no host",
            "one host twice",
            "too many hosts",
            "no host named",
        ],
    )
    def test_refuses_what_says_no_number_for_a_host(
        self, project: Project, own: Own, per_host: Any
    ) -> None:
        own(OWNED)

        status, problem = create(project, per_host)

        assert (status, problem["code"]) == (422, "InvalidRequestError")
        assert problem["errors"][0]["pointer"].startswith("/per_host")

    def test_asks_every_host_as_always_unless_told(self, project: Project, own: Own) -> None:
        own(OWNED)

        assert create(project, {})[1]["per_host"] == {}


class TestTemplateOfAJob:
    def test_keeps_its_owned_hosts(self, project: Project, own: Own) -> None:
        own(OWNED)
        _, body = create(project, PER_HOST)

        status, template = Api(project.user_id).call(
            "POST",
            f"/api/projects/{project.id}/job-templates",
            {"name": "again", "crawl_job_id": body["id"]},
        )

        assert status == 201
        assert template["configuration"]["per_host"] == PER_HOST


@pytest.mark.role("crawlset_worker")
class TestPlanOfOwnedHosts:
    def test_lays_all_of_the_host_in_one_lane(self, session: Session, job: CrawlJob) -> None:
        plan(session, job, urls(OWNED_CHUNK_URLS + 1))

        assert lanes(session, job) == [
            (f"{OWNED}#owned", 1, 64),
            (f"{OWNED}#owned", OWNED_CHUNK_URLS, 64),
        ]

    def test_lays_few_of_the_host_there_too(self, session: Session, job: CrawlJob) -> None:
        plan(session, job, [*urls(1), *urls(2, "others.example.org")])

        assert lanes(session, job) == [("", 2, None), (f"{OWNED}#owned", 1, 64)]

    def test_leaves_all_other_hosts_as_they_are(self, session: Session, job: CrawlJob) -> None:
        plan(session, job, urls(LANE_URLS + 1, "other.example.org"))

        assert lanes(session, job) == [("other.example.org#0", LANE_URLS + 1, None)]

    def test_lays_out_a_host_that_is_owned_no_more_as_any_other(
        self, session: Session, job: CrawlJob, own: Own
    ) -> None:
        own("other.example.org")

        plan(session, job, urls(LANES_PER_HOST * settings.CHUNK_URLS))

        assert lanes(session, job) == [
            (f"{OWNED}#0", settings.CHUNK_URLS, None),
            (f"{OWNED}#1", settings.CHUNK_URLS, None),
        ]

    def test_tells_the_fetcher_of_its_host_alone(self, session: Session, job: CrawlJob) -> None:
        plan(session, job, [*urls(3), *urls(3, "other.example.org")])

        told = {}
        for chunk in session.scalars(select(JobChunk).where(JobChunk.crawl_job_id == job.id)):
            key = keys.chunk_input(job.id, chunk.id, chunk.attempt)
            head = ChunkHead.from_json(next(objects.get_lines(key)))
            told[chunk.lane] = head.owned_host
        assert told == {f"{OWNED}#owned": OwnedHost(OWNED, 64), None: None}


@pytest.mark.role("crawlset_worker")
class TestNewChunksOfOwnedHosts:
    @pytest.mark.parametrize(("owned", "lane", "per_host"), [(OWNED, "owned", 64), ("", "0", None)])
    def test_ask_as_the_deployment_owns_the_host_by_then(
        self, session: Session, job: CrawlJob, own: Own, owned: str, lane: str, per_host: int | None
    ) -> None:
        plan(session, job, urls(LANE_URLS + 1))
        own(owned)
        images = session.scalars(select(Image).where(Image.crawl_job_id == job.id))
        places = [(image.id, image.host) for image in images]

        (chunk_id,) = rechunk(session, job, places, wait=timedelta(minutes=5))

        chunk = session.get_one(JobChunk, chunk_id)
        assert (chunk.lane, chunk.per_host) == (f"{OWNED}#{lane}", per_host)

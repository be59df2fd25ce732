"""How often a request waits for the database; each time is a way through a network and back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.kit import db
from crawlset.models import ApiKey, CrawlJob, JobStatus, OutboxMessage, Project, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from functions.api import app
from functions.authorize import app as authorize
from tests import factories
from tests.integration.api import Api
from tests.integration.database_relay import Relay
from tests.integration.outcomes import create_open_chunk, put_outcome, result
from tests.integration.tenants import CRAWL, FAR_OFF, Tenant, furnish
from tests.invocations import CONTEXT, request

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

MOST = 4
JOB = "/api/projects/{project_id}/crawl-jobs/{job_id}"
OF_OTHER_FUNCTIONS = ("/thumbnail", "/nearest-images")
READS = sorted(
    path
    for path, methods in json.loads(app.document())["paths"].items()
    if "get" in methods and not path.endswith(OF_OTHER_FUNCTIONS)
)


@pytest.fixture
def tenant(owner: Session, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    monkeypatch.setattr(db, "IDLE_SECONDS", 60)  # however busy the machine is
    return furnish(owner)


def trips(relay: Relay, api: Api, method: str, path: str, *asked: Any) -> int:
    """Round trips of a request on a connection that was just used, which must succeed."""
    api.call("GET", "/api/projects")
    before = relay.n_round_trips
    status, body = api.call(method, path, *asked)
    assert status < 300, body
    return relay.n_round_trips - before


class TestRead:
    @pytest.mark.parametrize("path", READS)
    def test_waits_four_times_at_most(self, tenant: Tenant, relay: Relay, path: str) -> None:
        assert trips(relay, tenant.api, "GET", path.format(**tenant.ids)) <= MOST

    @pytest.mark.parametrize("path", ["/api/projects", "/api/projects/{project_id}/crawl-jobs"])
    def test_waits_as_often_for_what_is_deleted(
        self, tenant: Tenant, relay: Relay, path: str
    ) -> None:
        shown = {"deleted": "true"}

        assert trips(relay, tenant.api, "GET", path.format(**tenant.ids), None, shown) <= MOST

    def test_waits_as_often_for_a_job_that_runs_again_and_waits(
        self, owner: Session, tenant: Tenant, relay: Relay
    ) -> None:
        job = owner.get_one(CrawlJob, tenant.ids["job_id"])
        job.status, job.recrawled_at = JobStatus.running, datetime(2020, 1, 1, tzinfo=UTC)
        later = datetime(2100, 1, 1, tzinfo=UTC)
        put_off = factories.create_chunk(owner, job, status=WorkStatus.pending, not_before=later)
        factories.create_image(owner, put_off)
        factories.create_chunk(
            owner, job, status=WorkStatus.pending, not_before=later, error_message="Disk full."
        )
        factories.create_chunk(owner, job, status=WorkStatus.queued, lane="example.org#0")
        factories.create_search(owner, job, status=WorkStatus.queued)
        owner.commit()

        assert trips(relay, tenant.api, "GET", JOB.format(**tenant.ids)) <= MOST
        assert len(tenant.api.call("GET", JOB.format(**tenant.ids))[1]["waiting"]) == 3


def furnished_anew(owner: Session, tenant: Tenant) -> dict[str, str]:
    """The ids of a job that was made for one request: completed, with a picture and a failure."""
    project = owner.get_one(Project, tenant.ids["project_id"])
    job = factories.create_crawl_job(owner, project, status=JobStatus.completed)
    chunk = factories.create_chunk(owner, job, status=WorkStatus.completed)
    factories.create_image(owner, chunk)
    factories.create_image(owner, chunk, status=ImageStatus.failed, outcome=Outcome.timeout)
    owner.commit()
    return tenant.ids | {"job_id": str(job.id)}


@pytest.mark.usefixtures("pipeline_arn")
class TestStart:
    """
    A request that starts work counts itself, commits, and forgets its message: three of the trips.

    Between them it locks what it is about, counts what the account has, inserts, and posts.
    """

    @pytest.mark.parametrize(
        ("path", "body", "most"),
        [
            ("/api/projects/{project_id}/crawl-jobs", CRAWL, 8),
            ("/api/projects/{project_id}/job-templates/{template_id}/start", {}, 9),
            (f"{JOB}/validation-jobs", {}, 6),
            (f"{JOB}/export-jobs", {"format": "imagefolder"}, 6),
            (f"{JOB}/pipeline", {}, 6),
            (f"{JOB}/pipeline", {"export": {"format": "imagefolder"}}, 7),
            (f"{JOB}/retry", {}, 15),
            (f"{JOB}/recrawl", {}, 14),
        ],
        ids=[
            *("crawl", "template", "validation", "export"),
            *("pipeline-validation", "pipeline-export", "retry", "recrawl"),
        ],
    )
    def test_waits_seldom_and_leaves_no_message(
        self, owner: Session, tenant: Tenant, relay: Relay, path: str, body: Any, most: int
    ) -> None:
        ids = furnished_anew(owner, tenant)

        assert trips(relay, tenant.api, "POST", path.format(**ids), body) <= most
        owner.rollback()
        mine = select(func.count(OutboxMessage.id)).where(OutboxMessage.leased_until < FAR_OFF)
        assert owner.scalar(mine) == 0

    def test_waits_as_often_for_many_searches(self, tenant: Tenant, relay: Relay) -> None:
        body = CRAWL | {"keywords": [f"cat {n}" for n in range(20)]}
        path = "/api/projects/{project_id}/crawl-jobs".format(**tenant.ids)

        assert trips(relay, tenant.api, "POST", path, body) <= 8

    def test_waits_twice_more_to_keep_an_answer(self, tenant: Tenant, relay: Relay) -> None:
        path = "/api/projects/{project_id}/crawl-jobs".format(**tenant.ids)
        tenant.api.call("GET", "/api/projects")
        before = relay.n_round_trips

        assert tenant.api.ask("POST", path, CRAWL, idempotency_key="k-1").status == 201
        assert relay.n_round_trips - before <= 10

    def test_waits_as_often_for_a_running_job_that_is_cancelled(
        self, owner: Session, tenant: Tenant, relay: Relay
    ) -> None:
        ids = furnished_anew(owner, tenant)
        owner.get_one(CrawlJob, ids["job_id"]).status = JobStatus.running
        owner.commit()

        assert trips(relay, tenant.api, "POST", f"{JOB}/cancel".format(**ids)) <= 7


class TestRecordOutcome:
    def test_waits_thirteen_times_however_many_images_a_chunk_has(
        self, owner: Session, tenant: Tenant, relay: Relay
    ) -> None:
        project = owner.get_one(Project, tenant.ids["project_id"])
        job = factories.create_crawl_job(owner, project, status=JobStatus.running)
        factories.create_chunk(owner, job, status=WorkStatus.queued)
        first, few, many = (create_open_chunk(owner, job, n) for n in (1, 2, 30))
        owner.commit()
        keys = [
            put_outcome(
                chunk, [result(n, content=f"{chunk.id}{n}".encode()) for n in range(n_urls)]
            )
            for chunk, n_urls in ((first, 1), (few, 2), (many, 30))
        ]
        recording.record_outcome(keys[0])

        for key in keys[1:]:
            before = relay.n_round_trips
            recording.record_outcome(key)
            assert relay.n_round_trips - before <= 13


class TestAuthorizer:
    def test_waits_twice_for_a_key_that_was_used_lately(
        self, owner: Session, tenant: Tenant, relay: Relay
    ) -> None:
        status, made = tenant.api.call("POST", "/api/api-keys", {"name": "k", "scopes": ["read"]})
        assert status == 201
        asked = request("GET", "/api/projects", headers={"authorization": f"Bearer {made['key']}"})
        assert authorize.handler(asked, CONTEXT)["isAuthorized"]
        before = relay.n_round_trips

        answer = authorize.handler(asked, CONTEXT)

        assert (answer["isAuthorized"], relay.n_round_trips - before) == (True, 2)
        used_at = owner.scalars(select(ApiKey.last_used_at).where(ApiKey.name == "k")).all()
        assert any(used_at)

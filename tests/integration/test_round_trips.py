"""How often a request waits for the database; each time is a way through a network and back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.kit import db
from crawlset.models import ApiKey, CrawlJob, JobStatus, Project, WorkStatus
from functions.api import app
from functions.authorize import app as authorize
from tests import factories
from tests.integration.api import Api
from tests.integration.database_relay import Relay
from tests.integration.outcomes import create_open_chunk, put_outcome, result
from tests.integration.tenants import Tenant, furnish
from tests.invocations import CONTEXT, request

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

MOST = 5
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
    def test_waits_five_times_at_most(self, tenant: Tenant, relay: Relay, path: str) -> None:
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
    def test_waits_three_times_for_a_key_that_was_used_lately(
        self, owner: Session, tenant: Tenant, relay: Relay
    ) -> None:
        status, made = tenant.api.call("POST", "/api/api-keys", {"name": "k", "scopes": ["read"]})
        assert status == 201
        asked = request("GET", "/api/projects", headers={"authorization": f"Bearer {made['key']}"})
        assert authorize.handler(asked, CONTEXT)["isAuthorized"]
        before = relay.n_round_trips

        answer = authorize.handler(asked, CONTEXT)

        assert (answer["isAuthorized"], relay.n_round_trips - before) == (True, 3)
        used_at = owner.scalars(select(ApiKey.last_used_at).where(ApiKey.name == "k")).all()
        assert any(used_at)

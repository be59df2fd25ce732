import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobStatus, Project
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.api import Api

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    policy = {"licences": ["attribution"], "intended_use": "commercial", "fetch": {"robots": True}}
    return factories.create_crawl_job(session, project, status=JobStatus.completed, policy=policy)


class TestProvenance:
    def ask(self, api: Api, job: CrawlJob, image_id: int) -> Any:
        path = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/images/{image_id}/provenance"
        status, body = api.call("GET", path)
        assert status == 200
        return body

    def test_tells_all_that_is_known_of_a_kept_image(
        self, session: Session, api: Api, job: CrawlJob
    ) -> None:
        chunk = factories.create_chunk(session, job)
        image = factories.create_image(
            session,
            chunk,
            landing_url="https://a.test/page",
            licence_raw="CC BY 4.0",
            creator="Ida",
            title="A cat",
            attribution='"A cat" by Ida.',
            downloaded_at=AT,
            final_url="https://cdn.a.test/x.jpg",
            http_status=200,
            content_type="image/jpeg",
            etag='"e"',
            n_retries=1,
            evidence={
                "elapsed_ms": 12,
                "address": "192.0.2.1",
                "redirects": [{"status": 302, "to": "https://cdn.a.test/x.jpg"}],
                "signals": {"headers": {"tdm-reservation": "0"}},
            },
        )
        validation = factories.create_validation_job(session, job)
        factories.create_verdict(session, validation, image)

        body = self.ask(api, job, image.id)

        assert body["intended_use"] == "commercial"
        assert body["found"] == {
            "source": "sample",
            "query": "cat",
            "keyword": "cat",
            "rank": image.rank,
            "url": image.url,
            "landing_url": "https://a.test/page",
            "searched_at": job.created_at.isoformat().replace("+00:00", "Z"),
        }
        assert body["rights"] == {
            "licence": "cc-by-4.0",
            "licence_url": "https://creativecommons.org/licenses/by/4.0/",
            "licence_raw": "CC BY 4.0",
            "creator": "Ida",
            "title": "A cat",
            "attribution": '"A cat" by Ida.',
            "embedded": None,
        }
        assert body["fetch"]["address"] == "192.0.2.1"
        assert body["fetch"]["redirects"] == [{"status": 302, "to": "https://cdn.a.test/x.jpg"}]
        assert body["fetch"]["sha256"] == (image.sha256 or b"").hex()
        assert body["signals"] == [
            {
                "signal": "tdm-reservation",
                "rule": "0",
                "sha256": hashlib.sha256(b"0").hexdigest(),
                "at": "2026-03-01T12:00:00Z",
                "is_refusal": False,
            }
        ]
        assert body["decision"]["outcome"] == "stored"
        assert [verdict["verdict"] for verdict in body["decision"]["verdicts"]] == ["keep"]

    def test_names_the_rule_that_refused_one_that_was_never_asked_for(
        self, session: Session, api: Api, job: CrawlJob
    ) -> None:
        chunk = factories.create_chunk(session, job)
        image = factories.create_image(
            session,
            chunk,
            status=ImageStatus.refused,
            outcome=Outcome.refused_licence,
            licence="cc-by-nc-4.0",
        )

        body = self.ask(api, job, image.id)

        assert (body["fetch"], body["signals"]) == (None, [])
        assert body["decision"]["rule"] == "licences: attribution"


class TestSummary:
    def test_adds_up_the_ledger(
        self, session: Session, api: Api, project: Project, job: CrawlJob
    ) -> None:
        chunk = factories.create_chunk(session, job)
        large = {"host": "a.example.org", "file_size": 5_000}
        factories.create_image(session, chunk, **large, downloaded_at=AT)
        factories.create_image(
            session, chunk, host="b.example.net", downloaded_at=AT + timedelta(days=1)
        )
        for outcome in (Outcome.refused_noai, Outcome.refused_noai, Outcome.refused_robots):
            factories.create_image(session, chunk, status=ImageStatus.refused, outcome=outcome)
        factories.create_takedown(session, project, n_images=3)
        other = factories.create_crawl_job(
            session,
            project,
            policy={"licences": [], "intended_use": "research", "fetch": {"robots": False}},
        )
        factories.create_image(session, factories.create_chunk(session, other), file_size=1)

        status, body = api.call("GET", f"/api/projects/{project.id}/summary")

        crawled, measures = body["section_2_3"], body["section_3_1"]
        assert status == 200
        assert crawled["crawlers"][0]["user_agent"] == "Crawlset/0.1 (+tests@example.org)"
        assert crawled["purposes"] == ["commercial", "research"]
        assert crawled["period"] == {
            "first": "2026-03-01T12:00:00Z",
            "last": "2026-03-02T12:00:00Z",
        }
        assert (crawled["n_images"], crawled["bytes"], crawled["n_domains"]) == (3, 6_001, 2)
        assert crawled["domains"] == [{"domain": "example.org", "n_images": 2, "bytes": 5_001}]
        assert crawled["content"] == {"jpeg": 3}
        assert measures["refused"] == {"refused_noai": 2, "refused_robots": 1}
        assert (measures["n_takedowns"], measures["n_taken_down"]) == (1, 3)
        heeded = {measure["signal"]: measure["n_jobs"] for measure in measures["measures"]}
        assert heeded["robots.txt"] == 1
        assert heeded["/.well-known/tdmrep.json"] == 2

    def test_is_of_one_job_when_asked(
        self, session: Session, api: Api, project: Project, job: CrawlJob
    ) -> None:
        other = factories.create_crawl_job(session, project)
        factories.create_image(session, factories.create_chunk(session, other))

        _, body = api.call(
            "GET", f"/api/projects/{project.id}/summary", query={"crawl_job_id": str(job.id)}
        )

        assert body["section_2_3"]["n_images"] == 0
        assert body["section_2_3"]["domains"] == []
        assert body["section_3_1"]["n_jobs"] == 1

    def test_answers_404_for_a_job_of_another_project(
        self, session: Session, api: Api, project: Project
    ) -> None:
        other = factories.create_project(session, session.merge(factories.create_profile(session)))

        status, _ = api.call("GET", f"/api/projects/{other.id}/summary")

        assert status == 404

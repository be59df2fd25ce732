import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset import costs
from crawlset.estimates import probes
from crawlset.kit import objects
from crawlset.kit.batch import Delivery
from crawlset.models import (
    CrawlJob,
    JobSearch,
    JobStatus,
    OutboxMessage,
    Profile,
    Project,
    SourceProbe,
    WorkStatus,
)
from crawlset.tick import purging
from crawlset.wire import keys
from crawlset.wire.notices import ObjectNotice
from crawlset.wire.record import pack
from crawlset.wire.searches import ProbeAnswer, ProbeMessage
from functions.plan import app as plan
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "sample_source")

URL_JOB = {
    "name": "list",
    "sources": ["urls"],
    "urls": ["https://a.example.org/1.jpg", "https://a.example.org/2.jpg"] * 2,
}
KEYWORD_JOB = {"name": "cats", "keywords": ["cat"], "sources": ["sample"], "max_images": 10_000}


def crawled(session: Session, project: Project, **overrides: Any) -> CrawlJob:
    """A job that asked for 1,000 candidates, found 400, and stored a picture of every second."""
    fetched = {
        "status": WorkStatus.completed,
        "n_urls": 400,
        "outcomes": {"stored": 200, "http_404": 200},
        "bytes_stored": 20_000_000,
        "pack_bytes": 20_000_000,
        "bytes_received": 21_000_000,
        "fetch_seconds": 40.0,
    }
    job = factories.create_crawl_job(session, project, status=JobStatus.completed)
    factories.create_search(
        session,
        job,
        request={"limit": 1_000},
        n_candidates=400,
        status=WorkStatus.completed,
    )
    factories.create_chunk(session, job, **fetched | overrides)
    return job


class TestEstimate:
    def test_counts_a_list_of_urls_once_each(self, api: Api, path: str) -> None:
        status, body = api.call("POST", f"{path}/estimate", URL_JOB)

        assert status == 200
        assert body["candidates"] == {"low": 2, "expected": 2, "high": 2}
        assert body["assumptions"]["basis"] == "defaults"
        assert body["assumptions"]["n_images_known"] == 0

    def test_creates_nothing(self, session: Session, api: Api, path: str) -> None:
        api.call("POST", f"{path}/estimate", URL_JOB)

        for table in (CrawlJob, OutboxMessage):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert list(objects.list_keys("")) == []

    def test_guesses_a_manifest_by_its_size(self, api: Api, path: str, project: Project) -> None:
        upload_id = uuid4()
        content = b"".join(b"https://images.example.org/%06d.jpg\n" % n for n in range(1_000))
        objects.put(keys.upload(project.user_id, upload_id), content)

        _, body = api.call(
            "POST",
            f"{path}/estimate",
            {"name": "l", "sources": ["urls"], "upload_id": str(upload_id)},
        )

        n = body["candidates"]
        assert n["low"] <= n["expected"] <= 1_000 <= n["high"]

    def test_knows_what_the_caller_s_own_jobs_came_to(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        crawled(session, project)

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        assert body["assumptions"]["basis"] == "your jobs"
        assert body["candidates"] == {"low": 400, "expected": 400, "high": 400}
        assert body["expected_yield"] == 0.5
        assert (body["images"], body["bytes"]) == (200, 20_000_000)
        assert body["assumptions"]["bytes_per_image"] == 100_000
        assert body["assumptions"]["fetch_seconds_per_candidate"] == 0.1

    def test_knows_other_keywords_by_what_their_source_has(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        crawled(session, project)
        both = KEYWORD_JOB | {"keywords": ["cat", "dog"]}

        _, body = api.call("POST", f"{path}/estimate", both)

        assert body["candidates"] == {"low": 400, "expected": 800, "high": 5_400}

    def test_expects_as_many_as_were_asked_for_where_there_was_more(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = crawled(session, project)
        search = session.scalars(select(JobSearch)).one()
        search.request = search.request | {"limit": 400}
        session.commit()

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        assert job.keywords == KEYWORD_JOB["keywords"]
        assert body["candidates"] == {"low": 400, "expected": 10_000, "high": 10_000}

    @pytest.mark.parametrize("few", [{"n_urls": 99}, {"is_recrawl": True}, {"fetch_seconds": 0.0}])
    def test_takes_defaults_where_it_knows_too_little(
        self, session: Session, api: Api, path: str, project: Project, few: dict[str, Any]
    ) -> None:
        crawled(session, project, **few)

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        assert body["assumptions"]["basis"] == "defaults"
        assert body["assumptions"]["bytes_per_image"] == 300_000

    def test_learns_nothing_from_others(self, session: Session, api: Api, path: str) -> None:
        other = factories.create_profile(session)
        crawled(session, factories.create_project(session, other))

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        assert body["assumptions"]["n_images_known"] == 0

    def test_costs_more_the_more_it_crawls(self, api: Api, path: str) -> None:
        few, many = (
            api.call("POST", f"{path}/estimate", KEYWORD_JOB | {"max_images": n})[1]
            for n in (1_000, 100_000)
        )

        fixed = {"fixed_per_month": costs.FIXED_MONTH}
        assert few["cost"] | fixed == few["cost"]
        assert all(many["cost"][i] > cost for i, cost in few["cost"].items() if i not in fixed)
        assert many["seconds"] > few["seconds"]

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"sources": ["gogle"]}, "/sources"),
            ({"max_images": 0}, "/max_images"),
            ({"max_images": 501}, "/max_images"),
        ],
    )
    def test_says_what_creating_the_job_would_say(
        self,
        session: Session,
        profile: Profile,
        api: Api,
        path: str,
        wrong: dict[str, Any],
        pointer: str,
    ) -> None:
        profile.max_images_per_job = 500
        session.commit()

        status, estimated = api.call("POST", f"{path}/estimate", KEYWORD_JOB | wrong)
        created = api.call("POST", path, KEYWORD_JOB | wrong)

        assert created == (status, estimated)
        assert (status, estimated["errors"][0]["pointer"]) == (422, pointer)

    def test_knows_no_project_of_others(self, api: Api) -> None:
        status, _ = api.call("POST", f"/api/projects/{uuid4()}/crawl-jobs/estimate", KEYWORD_JOB)

        assert status == 404


class TestCost:
    def test_is_measured_when_the_job_has_ended(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = crawled(session, project)

        _, body = api.call("GET", f"{path}/{job.id}")

        assert body["bytes_received"] == 21_000_000
        assert body["cost"]["transfer"] == pytest.approx(0.0018)
        assert body["cost"]["aws_lambda"] > 40 * 1769 / 1024 * 0.0000133334
        assert body["cost"]["total"] == pytest.approx(
            sum(d for item, d in body["cost"].items() if item not in {"total", "fixed_per_month"}),
            abs=1e-5,
        )

    def test_is_not_known_while_it_runs(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.running)

        _, body = api.call("GET", f"{path}/{job.id}")

        assert body["cost"] is None


class TestProbes:
    def answer(self, queues: Any, **told: Any) -> None:
        """What `discover` would have written of the one question that waits, recorded."""
        (body,) = queues.bodies("discover")
        message = ProbeMessage.from_json(body)
        usual: dict[str, Any] = {"total": 70, "n_sampled": 20, "licences": {"cc0": 20}}
        answer = ProbeAnswer(message.probe_id, message.user_id, **usual | told)
        key = keys.probe(message.probe_id)
        objects.put(key, pack(answer))
        plan.plan_named(Delivery("m", json.dumps(ObjectNotice(key).to_json()), 1, "handle"))

    def test_are_asked_once_and_waited_for(self, api: Api, path: str, queues: Any) -> None:
        first = api.call("POST", f"{path}/estimate", KEYWORD_JOB)[1]
        second = api.call("POST", f"{path}/estimate", KEYWORD_JOB)[1]

        assert (first["is_complete"], second["is_complete"]) == (False, False)
        assert [probe["status"] for probe in second["probes"]] == ["asked"]
        (body,) = queues.bodies("discover")
        message = json.loads(body)["request"]
        assert (message["source"], message["keyword"]) == ("sample", "cat")

    def test_say_how_much_there_is(self, api: Api, path: str, queues: Any) -> None:
        api.call("POST", f"{path}/estimate", KEYWORD_JOB)
        self.answer(queues)

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        assert body["is_complete"]
        assert body["candidates"] == {"low": 20, "expected": 70, "high": 70}
        assert body["probes"][0]["licences"] == {"cc0": 20}
        assert queues.bodies("discover") == []

    def test_say_how_much_of_it_is_under_a_licence_that_is_wanted(
        self, api: Api, path: str, queues: Any
    ) -> None:
        wanted = KEYWORD_JOB | {"licences": ["pd"]}
        api.call("POST", f"{path}/estimate", wanted)
        self.answer(queues, total=1_000, licences={"cc0": 4, "pdm": 1, "cc-by": 10, "unknown": 5})

        _, body = api.call("POST", f"{path}/estimate", wanted)

        assert (body["licence_share"], body["candidates"]["expected"]) == (0.25, 1_000)
        assert body["images"] == 200

    def test_tell_why_a_source_has_nothing(self, api: Api, path: str, queues: Any) -> None:
        api.call("POST", f"{path}/estimate", KEYWORD_JOB)
        self.answer(queues, total=0, n_sampled=0, licences={}, error="sample refuses.")

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        (probe,) = body["probes"]
        assert (probe["status"], probe["error_message"]) == ("failed", "sample refuses.")
        assert body["is_complete"]

    def test_are_asked_anew_after_a_day(
        self, session: Session, api: Api, path: str, queues: Any
    ) -> None:
        api.call("POST", f"{path}/estimate", KEYWORD_JOB)
        self.answer(queues)
        (probe,) = session.scalars(select(SourceProbe))
        probe.asked_at = datetime.now(UTC) - timedelta(days=2)
        session.commit()

        _, body = api.call("POST", f"{path}/estimate", KEYWORD_JOB)

        assert not body["is_complete"]
        assert len(queues.bodies("discover")) == 1

    @pytest.mark.role("crawlset_tick")
    def test_are_forgotten_after_a_month(self, session: Session, profile: Profile) -> None:
        for days in (29, 31):
            asked_at = datetime.now(UTC) - timedelta(days=days)
            probe = SourceProbe(
                user_id=profile.id, source="sample", keyword=str(days), asked_at=asked_at
            )
            session.add(probe)
        session.commit()

        assert purging.forget_old(SourceProbe.asked_at, probes.KEPT) == 1

        assert session.scalars(select(SourceProbe.keyword)).all() == ["29"]

    def test_are_of_sixty_questions_at_most(self, api: Api, path: str, queues: Any) -> None:
        many = KEYWORD_JOB | {"keywords": [f"cat {n}" for n in range(50)]}
        for _ in range(2):
            _, body = api.call("POST", f"{path}/estimate", many)

        assert len(body["probes"]) == 50
        assert len(queues.bodies("discover")) == 50

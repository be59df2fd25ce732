"""A job that waits says for what: which source, since when it fails, and when it is asked again."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.kit.batch import Delivery
from crawlset.kit.strict_json import from_json
from crawlset.models import CrawlJob, JobEvent, JobSearch, JobStatus, Project, WorkStatus
from crawlset.wire import keys
from crawlset.wire.candidates import PartHead
from crawlset.wire.notices import ObjectNotice
from crawlset.wire.record import pack
from crawlset.wire.searches import Deferral, DiscoverMessage, SearchRequest
from functions.dead_letters import app as dead_letters
from functions.plan import app as plan
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk

pytestmark = pytest.mark.usefixtures("bucket", "queues")

ERROR = "sample does not answer at the moment (ConnectError)."


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.pending)


def note(search: JobSearch, *, error: str = ERROR, at: datetime | None = None) -> None:
    """What `discover` leaves of a source that does not answer, heard by `plan`."""
    deferral = Deferral(
        search.crawl_job_id,
        search.id,
        attempt=1,
        seconds=30,
        error=error,
        failed_at=at or datetime.now(UTC),
        is_handed_back=False,
    )
    key = keys.deferral(search.id)
    objects.put(key, pack(deferral))
    plan.plan_named(Delivery("m", json.dumps(ObjectNotice(key).to_json()), 1, "handle"))


def plan_all(search: JobSearch) -> None:
    """Its one part, of no candidates."""
    key = keys.candidates(search.crawl_job_id, search.id, 0)
    objects.put(key, pack(PartHead(attempt=1, n_parts=1)))
    plan.plan_named(Delivery("m", json.dumps(ObjectNotice(key).to_json()), 1, "handle"))


def events_of(session: Session, search: JobSearch) -> list[tuple[str, dict[str, Any]]]:
    events = session.scalars(select(JobEvent).order_by(JobEvent.id))
    return [(e.type, e.data) for e in events if e.data["id"] == str(search.id)]


@pytest.mark.role("crawlset_worker")
class TestNoted:
    def test_counts_failures_and_says_when_the_source_is_asked_again(
        self, session: Session, search: JobSearch
    ) -> None:
        note(search)
        note(search, error="sample asks to wait.")

        session.refresh(search)
        assert (search.status, search.not_before) == (WorkStatus.queued, None)
        assert (search.n_failures, search.last_error) == (2, "sample asks to wait.")
        assert search.next_attempt_at is not None
        wait = search.next_attempt_at - datetime.now(UTC)
        assert timedelta(seconds=20) < wait < timedelta(seconds=40)

    def test_changes_nothing_when_it_comes_twice(self, session: Session, search: JobSearch) -> None:
        at = datetime.now(UTC)

        note(search, at=at)
        note(search, at=at)
        note(search, at=at - timedelta(seconds=30), error="older")

        session.refresh(search)
        assert (search.n_failures, search.last_error) == (1, ERROR)

    def test_is_forgotten_once_the_source_has_answered(
        self, session: Session, search: JobSearch
    ) -> None:
        note(search)

        plan_all(search)

        session.refresh(search)
        assert (search.status, search.n_failures) == (WorkStatus.completed, 1)
        assert (search.last_error, search.next_attempt_at) == (None, None)

    def test_is_told_as_one_event_a_change_and_one_at_the_end(
        self, session: Session, search: JobSearch
    ) -> None:
        for error in (ERROR, ERROR, ERROR, "sample asks to wait.", "sample asks to wait."):
            note(search, error=error)
        plan_all(search)

        events = events_of(session, search)
        assert [(kind, data.get("error_message")) for kind, data in events] == [
            ("search.waiting", ERROR),
            ("search.waiting", "sample asks to wait."),
            ("search.completed", None),
        ]
        assert (events[0][1]["source"], events[0][1]["keyword"]) == ("sample", "cat")

    def test_is_no_event_of_a_search_that_never_waited(
        self, session: Session, search: JobSearch
    ) -> None:
        plan_all(search)

        assert events_of(session, search) == []

    def test_is_the_reason_when_the_search_is_given_up(
        self, session: Session, job: CrawlJob, search: JobSearch
    ) -> None:
        note(search)
        request = from_json(SearchRequest, search.request)
        message = DiscoverMessage(job.id, search.id, 1, request)

        dead_letters.bury(Delivery("m", json.dumps(message.to_json()), 5, "handle"))

        session.expire_all()
        reason = f"{ERROR} The work failed 5 times and was given up."
        assert (search.error_message, job.error_message) == (reason, reason)
        assert events_of(session, search)[-1][0] == "search.failed"


class TestShown:
    @pytest.fixture
    def path(self, job: CrawlJob) -> str:
        return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}"

    def test_names_the_source_and_what_it_did(
        self, session: Session, api: Api, job: CrawlJob, search: JobSearch, path: str
    ) -> None:
        factories.create_search(session, job, keyword="dog")
        factories.create_search(session, job, source="met")
        search.n_failures, search.last_error = 2, ERROR
        search.next_attempt_at = func.now() + text("interval '1 minute'")
        session.commit()

        _, body = api.call("GET", path)

        (waited,) = body["waiting"]
        assert (waited["kind"], waited["name"], waited["reason"]) == ("source", "sample", ERROR)
        assert waited["n_waiting"] == 2
        shown = next(s for s in body["searches"] if s["id"] == str(search.id))
        assert (shown["n_failures"], shown["last_error"]) == (2, ERROR)
        assert shown["next_attempt_at"] == waited["until"]

    def test_names_hosts_that_want_to_be_left_alone_and_those_asked_in_turn(
        self, session: Session, api: Api, job: CrawlJob, path: str
    ) -> None:
        later = create_open_chunk(session, job, 3, host="slow.example.org")
        later.status = WorkStatus.pending
        later.not_before = func.now() + text("interval '1 hour'")
        factories.create_chunk(session, job, lane="busy.example.org#0", n_urls=400)
        factories.create_chunk(session, job, lane="busy.example.org#1", n_urls=100)
        session.commit()

        _, body = api.call("GET", path)

        assert [(w["kind"], w["name"], w["n_waiting"]) for w in body["waiting"]] == [
            ("host", "slow.example.org", 3),
            ("host", "busy.example.org", 500),
        ]
        slow, busy = body["waiting"]
        assert datetime.fromisoformat(slow["until"]) > datetime.now(UTC) + timedelta(minutes=50)
        assert busy["until"] is None

    def test_is_nothing_once_the_job_has_ended(
        self, session: Session, api: Api, job: CrawlJob, search: JobSearch, path: str
    ) -> None:
        search.last_error = ERROR
        search.next_attempt_at = func.now() + text("interval '1 minute'")
        session.commit()

        _, body = api.call("POST", f"{path}/cancel")

        assert body["waiting"] == []
        (shown,) = body["searches"]
        assert (shown["status"], shown["next_attempt_at"]) == ("cancelled", None)

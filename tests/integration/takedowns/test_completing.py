"""A takedown is completed when a listing of the bucket says that its bytes are gone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.kit import objects
from crawlset.models import (
    CrawlJob,
    Image,
    JobChunk,
    JobStatus,
    PackRewrite,
    Project,
    Takedown,
    TakedownStatus,
    WorkStatus,
)
from crawlset.outcomes import Change, ImageStatus, Outcome
from crawlset.takedowns import resending, rewriting
from crawlset.takedowns.carrying_on import carry_on
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import create_open_chunk, put_outcome, result
from tests.integration.takedowns.stored_images import (
    CAT,
    DOG,
    OWL,
    Store,
    bytes_in_bucket,
    content,
)

pytestmark = pytest.mark.usefixtures("bucket", "queues")

HOST = "images.example.org"


@pytest.fixture
def takedown(session: Session, project: Project) -> Takedown:
    return factories.create_takedown(session, project, kind="host", value=HOST)


def is_completed(session: Session) -> bool:
    session.expire_all()
    return session.scalars(select(Takedown.status)).one() is TakedownStatus.completed


def put_pack(chunk: JobChunk, body: bytes, name: str = "dead") -> str:
    """Of a fetcher that has died, or whose outcome comes too late."""
    key = keys.pack(chunk.crawl_job_id, chunk.id, 1, name)
    objects.put(key, body)
    return key


class TestCancelledWhileFetched:
    """The chunks end with the job; their fetchers have not heard of it yet."""

    @pytest.fixture
    def chunk(self, session: Session, project: Project, api: Api, job: CrawlJob) -> JobChunk:
        job.status = JobStatus.running
        chunk = create_open_chunk(session, job, 2)
        status, _ = api.call("POST", f"/api/projects/{project.id}/crawl-jobs/{job.id}/cancel", None)
        assert status == 200
        return chunk

    def test_takes_down_what_was_cancelled(
        self, session: Session, chunk: JobChunk, takedown: Takedown, carry_out: Callable[[], int]
    ) -> None:
        carry_on_as_worker(takedown, carry_out)

        session.expire_all()
        outcomes = session.scalars(select(Image.outcome).where(Image.chunk_id == chunk.id)).all()
        assert set(outcomes) == {Outcome.refused_takedown}

    def test_deletes_the_pack_of_a_fetcher_that_died(
        self, session: Session, chunk: JobChunk, takedown: Takedown, carry_out: Callable[[], int]
    ) -> None:
        put_pack(chunk, CAT)

        carry_on_as_worker(takedown, carry_out)

        assert is_completed(session)
        assert CAT not in bytes_in_bucket()

    def test_deletes_the_pack_of_an_outcome_that_came_too_late(
        self,
        session: Session,
        chunk: JobChunk,
        takedown: Takedown,
        carry_out: Callable[[], int],
        roles: list[str],
    ) -> None:
        carry_on_as_worker(takedown, carry_out)
        assert is_completed(session)
        pack_key = keys.pack(chunk.crawl_job_id, chunk.id, 1, "late")
        outcome_key = put_outcome(chunk, [result(0), result(1)], pack_key)
        assert objects.exists(pack_key)

        roles.append("crawlset_worker")
        assert recording.record_outcome(outcome_key) == 0

        assert not objects.exists(pack_key)


def carry_on_as_worker(takedown: Takedown, carry_out: Callable[[], int]) -> None:
    carry_on(takedown.user_id, takedown.id)
    carry_out()


@pytest.mark.role("crawlset_worker")
class TestRemoving:
    def test_waits_for_a_chunk_that_has_packed_before(
        self,
        session: Session,
        job: CrawlJob,
        takedown: Takedown,
        carry_out: Callable[[], int],
        roles: list[str],
    ) -> None:
        job.status = JobStatus.running
        chunk = create_open_chunk(session, job, 1, host=HOST)
        chunk.n_urls = 2
        factories.create_image(
            session,
            chunk,
            ordinal=1,
            status=ImageStatus.pending,
            url="https://other.example/1.jpg",
            host="other.example",
        )
        pack_key = put_pack(chunk, CAT, "t")
        session.execute(update(Takedown).values(applied_at=func.now() + timedelta(minutes=1)))
        session.commit()

        carry_on_as_worker(takedown, carry_out)
        assert not is_completed(session)
        assert objects.exists(pack_key)

        other = result(1, final_url="https://other.example/1.jpg", content=DOG)
        recording.record_outcome(put_outcome(chunk, [result(0, content=CAT), other], pack_key))
        carry_out()
        session.execute(update(Takedown).values(updated_at=func.now() - timedelta(minutes=2)))
        session.commit()
        roles.append("crawlset_tick")
        assert resending.resend_due() == 1
        roles.pop()
        carry_out()

        assert is_completed(session)

    def test_deletes_what_a_failed_export_has_left(
        self,
        session: Session,
        job: CrawlJob,
        store: Store,
        takedown: Takedown,
        carry_out: Callable[[], int],
    ) -> None:
        store(CAT)
        export = factories.create_export_job(session, job, status=JobStatus.failed)
        objects.put(keys.export_file(export.id, "train-00000.tar"), CAT)

        carry_on_as_worker(takedown, carry_out)

        assert is_completed(session)
        assert CAT not in bytes_in_bucket()

    def test_leaves_what_other_rows_own(
        self,
        session: Session,
        project: Project,
        job: CrawlJob,
        store: Store,
        takedown: Takedown,
        carry_out: Callable[[], int],
    ) -> None:
        there = {DOG: {"url": "https://other.example/d.jpg", "host": "other.example"}}
        _, dog = store(CAT, DOG, each=there)
        running = create_open_chunk(session, job, 1)
        session.execute(update(Takedown).values(applied_at=func.now() - timedelta(days=1)))
        session.commit()
        on_its_way = put_pack(running, OWL)

        carry_on_as_worker(takedown, carry_out)

        session.expire_all()
        assert content(dog) == DOG
        assert objects.exists(on_its_way)
        assert CAT not in bytes_in_bucket()


@pytest.mark.role("crawlset_worker")
class TestRewriting:
    def test_begins_afresh_when_images_went_meanwhile(
        self,
        session: Session,
        project: Project,
        store: Store,
        carry_out: Callable[[], int],
        monkeypatch: pytest.MonkeyPatch,
        queues: Any,
    ) -> None:
        """What a second takedown means was copied already by the rewrite for the first."""
        cat, owl, _ = store(CAT, OWL, DOG)
        first = factories.create_takedown(session, project, value=cat.url)
        second = factories.create_takedown(session, project, value=owl.url)
        carry_on(project.user_id, first.id)
        queues.bodies("takedowns")
        (rewrite_id,) = session.scalars(select(PackRewrite.id))
        copy = rewriting._copy

        def copy_slowly(*args: Any) -> Any:
            copied = copy(*args)
            monkeypatch.setattr(rewriting, "_copy", copy)
            carry_on(project.user_id, second.id)
            return copied

        monkeypatch.setattr(rewriting, "_copy", copy_slowly)
        assert not rewriting.rewrite(project.user_id, rewrite_id)
        carry_out()
        rewriting.rewrite(project.user_id, rewrite_id)

        assert OWL not in bytes_in_bucket()
        assert CAT not in bytes_in_bucket()
        assert DOG in bytes_in_bucket()
        session.expire_all()
        assert {t.status for t in session.scalars(select(Takedown))} == {TakedownStatus.completed}

    def test_removes_what_a_recrawl_has_replaced(
        self, session: Session, job: CrawlJob, store: Store, carry_out: Callable[[], int]
    ) -> None:
        job.status = JobStatus.running
        cat, dog = store(CAT, DOG)
        again = factories.create_chunk(session, job, n_urls=1, is_recrawl=True)
        cat.chunk_id, cat.ordinal = again.id, 0
        session.commit()

        line = result(0, content=OWL, change=Change.replaced.value)
        recording.record_outcome(put_outcome(again, [line]))
        carry_out()

        assert CAT not in bytes_in_bucket()
        session.expire_all()
        assert content(dog) == DOG
        sizes = {chunk.pack_key: chunk.pack_bytes for chunk in session.scalars(select(JobChunk))}
        assert sizes == {
            key: objects.size_of(key) for key in objects.list_keys("jobs/") if keys.is_pack(key)
        }
        assert {chunk.status for chunk in session.scalars(select(JobChunk))} == {
            WorkStatus.completed
        }

"""What a revoked takedown brings back, and what it does not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.kit import db
from crawlset.models import (
    CrawlJob,
    Image,
    JobChunk,
    JobStatus,
    Project,
    Takedown,
    TakedownImage,
    TakedownKind,
    TakedownStatus,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.takedowns import revoking, service
from crawlset.takedowns.carrying_on import carry_on
from crawlset.takedowns.repository import TakedownRepository
from tests import factories
from tests.integration.api import Api
from tests.integration.candidate_parts import plan
from tests.integration.outcomes import create_open_chunk, put_outcome, result
from tests.integration.takedowns.stored_images import (
    AT_ONCE,
    CAT,
    CREATOR,
    DOG,
    HOST,
    ON_HOST,
    Store,
    bytes_in_bucket,
    columns,
    content,
    end_grace,
)

pytestmark = pytest.mark.usefixtures("bucket")


def wait_for_lock(session: Session) -> None:
    """Wait until some statement waits for a lock of another."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    deadline = time.monotonic() + 30
    while not session.scalar(waiting):
        session.rollback()
        assert time.monotonic() < deadline


class TestRevoking:
    def test_makes_images_what_they_were(
        self,
        session: Session,
        project: Project,
        api: Api,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        cat, _ = store(CAT, DOG, each={CAT: ON_HOST})
        duplicate = {
            "status": ImageStatus.duplicate,
            "outcome": Outcome.duplicate_bytes,
            "duplicate_of": cat.id,
            "sha256": cat.sha256,
            "pack_key": None,
        }
        failed = {
            "status": ImageStatus.failed,
            "outcome": Outcome.timeout,
            "detail": "30 s",
            "url": "https://a.test/slow.jpg",
            "pack_key": None,
        }
        store(b"1", b"2", each={b"1": duplicate, b"2": failed})
        store(CAT, into=factories.create_crawl_job(session, project, status=JobStatus.completed))
        images = session.scalars(select(Image).order_by(Image.id)).all()
        chunks = session.scalars(select(JobChunk).order_by(JobChunk.id)).all()
        takedown = take_down(HOST)
        assert sum(image.outcome is Outcome.refused_takedown for image in images) == 4

        read = revoke(takedown)

        assert (read["status"], read["n_images"]) == ("revoked", 4)
        assert read["revoked_at"] is not None
        assert [image.status for image in images] == [
            ImageStatus.stored,
            ImageStatus.stored,
            ImageStatus.duplicate,
            ImageStatus.failed,
            ImageStatus.stored,
        ]
        assert images[2].duplicate_of == cat.id
        assert images[3].detail == "30 s"
        assert content(cat) == content(images[4]) == CAT
        assert chunks[0].outcomes == {"stored": 2}
        assert session.scalars(select(TakedownImage)).all() == []

    def test_does_so_again_without_harm(
        self,
        session: Session,
        project: Project,
        api: Api,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST})
        before = columns(cat)
        takedown = take_down(HOST)
        revoke(takedown)

        status, again = api.call("POST", f"{takedown}/revoke")
        revoking.bring_back(project.user_id, UUID(again["id"]))

        session.expire_all()
        assert (status, again["status"]) == (200, "revoked")
        assert columns(cat) == before

    def test_leaves_hidden_what_another_takedown_means(
        self,
        session: Session,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        cat, dog = store(
            CAT, DOG, each={CAT: ON_HOST | {"creator": "Ida"}, DOG: {"url": "https://a.test/dog"}}
        )
        first, second = take_down(HOST), take_down(CREATOR)

        revoke(first)

        other = second.rpartition("/")[2]
        assert (cat.outcome, cat.detail) == (Outcome.refused_takedown, f"takedown {other}")
        assert dog.outcome is Outcome.stored
        revoke(second)
        assert content(cat) == CAT

    def test_brings_back_nothing_that_another_takedown_has_removed(
        self,
        session: Session,
        store: Store,
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST | {"creator": "Ida"}})
        first = take_down(HOST)
        second = take_down(CREATOR | AT_ONCE)

        revoke(first)

        other = second.rpartition("/")[2]
        assert (cat.outcome, cat.detail) == (Outcome.refused_takedown, f"takedown {other}")
        assert CAT not in bytes_in_bucket()

    def test_refuses_once_the_grace_is_over(
        self, session: Session, api: Api, store: Store, take_down: Callable[..., str]
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST})
        takedown = take_down(HOST)
        end_grace(session)

        status, problem = api.call("POST", f"{takedown}/revoke")

        assert (status, problem["code"]) == (409, "TakedownGraceOverError")
        session.expire_all()
        assert cat.outcome is Outcome.refused_takedown

    def test_refuses_what_never_had_a_grace(
        self, api: Api, path: str, store: Store, carry_out: Callable[[], int]
    ) -> None:
        store(CAT, each={CAT: ON_HOST})
        _, made = api.call("POST", path, HOST | AT_ONCE)

        status, problem = api.call("POST", f"{path}/{made['id']}/revoke")

        assert (status, problem["code"]) == (409, "TakedownGraceOverError")
        assert "had none" in problem["detail"]

    def test_overtakes_a_takedown_that_has_not_hidden_anything_yet(
        self, session: Session, api: Api, path: str, store: Store, carry_out: Callable[[], int]
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST})
        before = columns(cat)
        _, made = api.call("POST", path, HOST)

        status, _ = api.call("POST", f"{path}/{made['id']}/revoke")
        carry_out()

        session.expire_all()
        assert status == 200
        assert columns(cat) == before
        assert api.call("GET", f"{path}/{made['id']}")[1]["status"] == "revoked"


@pytest.mark.role("crawlset_worker")
@pytest.mark.usefixtures("queues")
class TestWhatWasOnItsWay:
    @pytest.fixture
    def hide(self, session: Session, project: Project) -> Callable[[str], Takedown]:
        """Take down a host, for an hour at first."""

        def hide(host: str) -> Takedown:
            later = datetime.now(UTC) + timedelta(hours=1)
            takedown = factories.create_takedown(
                session, project, kind=TakedownKind.host, value=host, removes_at=later
            )
            carry_on(project.user_id, takedown.id)
            return takedown

        return hide

    def revoke(self, takedown: Takedown) -> None:
        with db.transaction(takedown.user_id) as session:
            service.revoke(session, session.get_one(Takedown, takedown.id))

    def test_is_let_in_again_unless_another_takedown_means_it(
        self, session: Session, project: Project, hide: Callable[[str], Takedown]
    ) -> None:
        takedown, _ = hide("a.test"), hide("b.a.test")
        job = factories.create_crawl_job(session, project)
        plan(session, job, ["https://a.test/x.jpg", "https://b.a.test/x.jpg"])

        self.revoke(takedown)
        carry_on(project.user_id, takedown.id)

        later = factories.create_crawl_job(session, project)
        plan(session, later, ["https://a.test/y.jpg"])
        session.expire_all()
        found = {image.url: image for image in session.scalars(select(Image))}
        let_in = found["https://a.test/x.jpg"]
        assert let_in.outcome in [outcome for outcome in Outcome if outcome.is_retryable]
        assert "revoked" in (let_in.detail or "")
        assert found["https://b.a.test/x.jpg"].outcome is Outcome.refused_takedown
        assert found["https://a.test/y.jpg"].status is ImageStatus.pending

    def test_fails_if_its_chunk_went_without_it(
        self, session: Session, project: Project, hide: Callable[[str], Takedown]
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.running)
        chunk = create_open_chunk(session, job, 1, url="https://a.test/x.jpg")
        waiting = create_open_chunk(session, job, 1, url="https://a.test/y.jpg")
        takedown = hide("a.test")
        recording.record_outcome(put_outcome(chunk, [result(0)]))

        self.revoke(takedown)
        carry_on(project.user_id, takedown.id)

        session.expire_all()
        states = {image.chunk_id: image.status for image in session.scalars(select(Image))}
        assert states == {chunk.id: ImageStatus.failed, waiting.id: ImageStatus.pending}
        assert (chunk.status, chunk.outcomes) == (WorkStatus.completed, {"worker_failed": 1})

    def test_does_not_take_the_place_of_an_image_that_is_coming_back(
        self,
        session: Session,
        project: Project,
        job: CrawlJob,
        store: Store,
        hide: Callable[[str], Takedown],
    ) -> None:
        (cat,) = store(CAT, each={CAT: ON_HOST})
        other = factories.create_crawl_job(session, project)
        takedown = hide("a.test")
        chunks = [create_open_chunk(session, one, 1) for one in (job, other)]
        self.revoke(takedown)

        for chunk in chunks:
            recording.record_outcome(put_outcome(chunk, [result(0, content=CAT)]))
        carry_on(project.user_id, takedown.id)

        session.expire_all()
        assert cat.outcome is Outcome.stored
        assert [chunk.outcomes for chunk in chunks] == [{"worker_failed": 1}, {"stored": 1}]


class TestRace:
    """Of a revocation and the tick, at the end of the grace, exactly one wins."""

    @pytest.fixture
    def due(self, owner: Session, revoker: Session) -> UUID:
        """A hidden takedown whose grace ends between the two transactions' beginnings."""
        project = factories.create_project(owner, factories.create_profile(owner))
        began: datetime = revoker.execute(select(func.now())).scalar_one()
        takedown = factories.create_takedown(
            owner,
            project,
            status=TakedownStatus.hidden,
            removes_at=began + timedelta(microseconds=1),
        )
        return takedown.id

    @pytest.fixture
    def revoker(self, engine: Engine) -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    @pytest.fixture
    def ticker(self, engine: Engine) -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    def test_is_won_by_a_revocation_that_came_first(
        self, due: UUID, owner: Session, revoker: Session, ticker: Session
    ) -> None:
        assert TakedownRepository(revoker).revoke(due)

        assert TakedownRepository(ticker).begin_removing(10) == []
        revoker.commit()
        ticker.rollback()
        assert TakedownRepository(ticker).begin_removing(10) == []

        owner.expire_all()
        assert owner.get_one(Takedown, due).status is TakedownStatus.revoking

    def test_is_won_by_a_tick_that_came_first(
        self, due: UUID, owner: Session, revoker: Session, ticker: Session
    ) -> None:
        (begun,) = TakedownRepository(ticker).begin_removing(10)
        with ThreadPoolExecutor() as pool:
            revoked = pool.submit(TakedownRepository(revoker).revoke, due)
            wait_for_lock(owner)
            ticker.commit()

            assert revoked.result(30) is False

        owner.expire_all()
        assert begun.id == due
        assert owner.get_one(Takedown, due).status is TakedownStatus.removing

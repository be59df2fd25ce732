"""Counters are the rows, after any order of what can happen to a job."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawlset.crawls import finishing, recording
from crawlset.kit import db, objects
from crawlset.models import (
    UNFINISHED,
    CrawlJob,
    Image,
    JobChunk,
    Profile,
    Takedown,
    TakedownStatus,
    WorkStatus,
)
from crawlset.outcomes import Change, ImageStatus, Outcome
from crawlset.takedowns import resending
from crawlset.tick import orphans
from crawlset.wire import keys
from crawlset.wire.outcomes import Defer, UrlOutcome
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import put_outcome, result
from tests.integration.takedowns.stored_images import carrying_out

N_CHUNKS = 3
URLS_PER_CHUNK = 3
HOSTS = ("a.test", "b.test")
CREATORS = ("Ida", "Bo")
BODIES = [b"one", b"two", b"three", b"four"]
MAX_STEPS = 14
ASKS_FOR_PATIENCE = 4
CHANGES = {5: (Outcome.stored, Change.unchanged), 6: (Outcome.http_404, Change.gone)}
FAILURES = {7: "refused_robots", 8: "http_404"}

STEPS = st.one_of(
    st.tuples(st.just("record"), st.integers(0, 9), st.lists(st.integers(0, 9), min_size=3)),
    st.tuples(st.just("fail_chunk"), st.integers(0, 9)),
    st.tuples(st.just("post"), st.sampled_from(["cancel", "retry", "recrawl"])),
    st.tuples(
        st.just("take_down"),
        st.sampled_from(
            [
                *(("host", host) for host in HOSTS),
                *(("creator", name) for name in CREATORS),
                *(("url", f"https://{HOSTS[0]}/{n}.jpg") for n in range(0, 9, 2)),
            ]
        ),
        st.sampled_from([0, 24]),
    ),
    st.tuples(st.just("revoke"), st.integers(0, 9)),
    st.tuples(st.just("end_graces")),
    st.tuples(st.just("remove_orphans")),
)


def outcome_of(n: int, roll: int, *, is_recrawl: bool) -> UrlOutcome:
    """What a fetcher may say of a URL."""
    body = BODIES[roll % len(BODIES)]
    if roll < len(BODIES):
        change = Change.replaced if is_recrawl else None
        return result(n, content=body, change=change, final_url=None)
    if roll == ASKS_FOR_PATIENCE:
        defer = Defer(seconds=0, cause="retry_after")
        return result(n, "http_429", final_url=None, defer=defer)
    if is_recrawl and roll in CHANGES:
        outcome, change = CHANGES[roll]
        return UrlOutcome(n, outcome, change=change)
    return result(n, FAILURES.get(roll, "timeout"), final_url=None)


@dataclass
class Walk:
    """One job that things happen to, and what is checked after each."""

    session: Session
    api: Api
    queues: Any
    roles: list[str]
    job: CrawlJob
    n_images: int = N_CHUNKS * URLS_PER_CHUNK

    @property
    def path(self) -> str:
        return f"/api/projects/{self.job.project_id}"

    def as_(self, role: str, do: Callable[[], Any]) -> Any:
        self.roles.append(role)
        try:
            return do()
        finally:
            self.roles.pop()
            self.session.expire_all()

    def record(self, place: int, rolls: list[int]) -> None:
        chunks = self._chunks(JobChunk.status.in_(UNFINISHED))
        if not chunks:
            return
        chunk = chunks[place % len(chunks)]
        lines = [
            outcome_of(n, rolls[n % len(rolls)], is_recrawl=chunk.is_recrawl)
            for n in range(chunk.n_urls)
        ]
        key = put_outcome(chunk, lines)
        self.as_("crawlset_worker", lambda: recording.record_outcome(key))

    def fail_chunk(self, place: int) -> None:
        chunks = self._chunks(JobChunk.status.in_(UNFINISHED))
        if not chunks:
            return

        def fail() -> None:
            with db.transaction(self.job.user_id) as session:
                job = session.get_one(CrawlJob, self.job.id)
                finishing.fail_chunk(session, job, chunks[place % len(chunks)].id, "five times")

        self.as_("crawlset_worker", fail)

    def post(self, what: str) -> None:
        status, body = self.api.call("POST", f"{self.path}/crawl-jobs/{self.job.id}/{what}")
        assert status in {200, 202, 409}, body

    def take_down(self, meant: tuple[str, str], grace_hours: int) -> None:
        kind, value = meant
        body = {"kind": kind, "value": value, "grace_hours": grace_hours}
        status, made = self.api.call("POST", f"{self.path}/takedowns", body)
        assert status in {201, 409}, made
        self._carry_out()

    def revoke(self, place: int) -> None:
        hidden = self.session.scalars(
            select(Takedown.id)
            .where(
                Takedown.project_id == self.job.project_id,
                Takedown.status == TakedownStatus.hidden,
            )
            .order_by(Takedown.id)
        ).all()
        if hidden:
            takedown = f"{self.path}/takedowns/{hidden[place % len(hidden)]}"
            assert self.api.call("POST", f"{takedown}/revoke")[0] == 200
            self._carry_out()

    def end_graces(self) -> None:
        past = func.now() - func.make_interval(0, 0, 0, 0, 1)
        self.session.execute(
            update(Takedown)
            .where(
                Takedown.project_id == self.job.project_id,
                Takedown.status == TakedownStatus.hidden,
            )
            .values(removes_at=past)
        )
        self.session.commit()
        self.as_("crawlset_tick", resending.resend_due)
        self._carry_out()

    def remove_orphans(self) -> None:
        with db.transaction() as session:
            now = db.now(session)
        self.as_("crawlset_tick", lambda: orphans.remove(now))

    def check(self) -> None:
        """The sums that people are shown are those of the rows, and what is stored is there."""
        self.session.expire_all()
        rows = self.session.execute(
            select(Image.chunk_id, Image.status, Image.outcome, Image.file_size).where(
                Image.crawl_job_id == self.job.id
            )
        ).all()
        assert len(rows) == self.n_images
        for chunk in self._chunks():
            own = [row for row in rows if row.chunk_id == chunk.id]
            open_as = Outcome.cancelled if chunk.status is WorkStatus.cancelled else None
            counted = Counter(row.outcome or open_as for row in own)
            del counted[None]
            stored = [row.file_size or 0 for row in own if row.status is ImageStatus.stored]
            assert chunk.n_urls == len(own)
            assert {code: n for code, n in chunk.outcomes.items() if n} == counted
            assert chunk.bytes_stored == sum(stored)
            size = objects.size_of(chunk.pack_key) if chunk.pack_key is not None else 0
            assert chunk.pack_bytes == size
        status, shown = self.api.call("GET", f"{self.path}/crawl-jobs/{self.job.id}")
        assert status == 200
        states = Counter(self._state(row) for row in rows)
        counts = {state.value: states[state] for state in ImageStatus}
        assert shown["progress"] == counts | {"candidates": self.n_images, "repeated": 0}
        places = self.session.execute(
            select(Image.pack_key, Image.status).where(Image.crawl_job_id == self.job.id)
        )
        there = set(objects.list_keys(keys.chunks_prefix(self.job.id)))
        for pack_key, state in places:
            assert (pack_key is not None) == (state is ImageStatus.stored)
            assert pack_key is None or pack_key in there

    def _state(self, row: Any) -> ImageStatus:
        """What an image of a cancelled chunk is about to be."""
        chunk = self.session.get_one(JobChunk, row.chunk_id)
        if row.outcome is None and chunk.status is WorkStatus.cancelled:
            return ImageStatus.cancelled
        return ImageStatus(row.status)

    def _chunks(self, *conditions: Any) -> list[JobChunk]:
        statement = select(JobChunk).where(JobChunk.crawl_job_id == self.job.id, *conditions)
        return list(self.session.scalars(statement.order_by(JobChunk.id)))

    def _carry_out(self) -> None:
        self.as_("crawlset_worker", carrying_out(self.queues))


@pytest.fixture
def start(
    session: Session, profile: Profile, api: Api, queues: Any, roles: list[str], bucket: str
) -> Callable[[], Walk]:
    """Begin a walk: a job of its own, in a project of its own, whose chunks are being fetched."""

    def start() -> Walk:
        project = factories.create_project(session, profile)
        job = factories.create_crawl_job(session, project)
        for place in range(N_CHUNKS):
            chunk = factories.create_chunk(session, job, n_urls=URLS_PER_CHUNK)
            for ordinal in range(URLS_PER_CHUNK):
                n = place * URLS_PER_CHUNK + ordinal
                host = HOSTS[n % 2]
                factories.create_image(
                    session,
                    chunk,
                    status=ImageStatus.pending,
                    ordinal=ordinal,
                    url=f"https://{host}/{n}.jpg",
                    host=host,
                    creator=CREATORS[n // 5],
                )
        return Walk(session, api, queues, roles, job)

    return start


class TestCounters:
    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps=st.lists(STEPS, min_size=4, max_size=MAX_STEPS))
    def test_are_the_rows_after_any_order(
        self, start: Callable[[], Walk], steps: list[tuple[Any, ...]]
    ) -> None:
        walk = start()
        walk.check()

        for name, *arguments in steps:
            event(name)
            getattr(walk, name)(*arguments)
            walk.check()

    def test_say_what_a_takedown_has_taken_before_a_cancel(self, start: Callable[[], Walk]) -> None:
        walk = start()

        walk.take_down(("host", HOSTS[0]), 0)
        walk.post("cancel")

        walk.check()
        _, shown = walk.api.call("GET", f"{walk.path}/crawl-jobs/{walk.job.id}")
        assert (shown["progress"]["refused"], shown["progress"]["cancelled"]) == (5, 4)

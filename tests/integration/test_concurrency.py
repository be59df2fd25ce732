"""What only two connections can show: rows are committed, and deleted after each test."""

import multiprocessing
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import URL, Engine, create_engine, func, select
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.crawls import recording, service
from crawlset.kit import db
from crawlset.models import (
    CrawlJob,
    JobChunk,
    JobStatus,
    OutboxMessage,
    Project,
    Target,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus
from tests import factories
from tests.integration.api import Api
from tests.integration.outcomes import put_outcome, result
from tests.integration.threads import at_once

pytestmark = pytest.mark.usefixtures("bucket")
ROUNDS = range(12)
N_REQUESTS = 20
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


@pytest.fixture
def project(owner: Session, own_connections: None) -> Project:
    return factories.create_project(owner, factories.create_profile(owner))


def create_open_chunks(engine: Engine, project: Project, n: int) -> tuple[CrawlJob, list[JobChunk]]:
    with Session(engine, expire_on_commit=False) as session:
        job = factories.create_crawl_job(session, project)
        chunks = [factories.create_chunk(session, job) for _ in range(n)]
        for chunk in chunks:
            factories.create_image(session, chunk, status=ImageStatus.pending, ordinal=0)
        return job, chunks


def status_of(engine: Engine, job: CrawlJob) -> JobStatus | None:
    with Session(engine) as session:
        return session.scalar(select(CrawlJob.status).where(CrawlJob.id == job.id))


class TestRecord:
    def test_finishes_the_job_when_its_last_two_chunks_end_at_once(
        self, engine: Engine, project: Project, queues: Any
    ) -> None:
        for _ in ROUNDS:
            job, chunks = create_open_chunks(engine, project, 2)
            keys = [put_outcome(c, [result(0, content=c.id.bytes)]) for c in chunks]

            at_once(*(partial(recording.record_outcome, key) for key in keys))

            assert status_of(engine, job) is JobStatus.completed

    def test_keeps_equal_bytes_of_two_chunks_once(
        self, engine: Engine, project: Project, queues: Any
    ) -> None:
        for _ in ROUNDS:
            _, chunks = create_open_chunks(engine, project, 2)
            keys = [put_outcome(chunk, [result(0, content=b"same")]) for chunk in chunks]

            at_once(*(partial(recording.record_outcome, key) for key in keys))

            with Session(engine) as session:
                outcomes = [session.get_one(JobChunk, chunk.id).outcomes for chunk in chunks]
            assert sorted(map(str, outcomes)) == ["{'duplicate_bytes': 1}", "{'stored': 1}"]

    def test_settles_once_when_one_outcome_is_delivered_twice_at_once(
        self, engine: Engine, project: Project, queues: Any
    ) -> None:
        for _ in ROUNDS:
            _, (chunk,) = create_open_chunks(engine, project, 1)
            key = put_outcome(chunk, [result(0)])
            settled: list[int] = []

            def record(key: str = key, settled: list[int] = settled) -> None:
                settled.append(recording.record_outcome(key))

            at_once(record, record)

            assert sorted(settled) == [0, 1]


class TestCancel:
    def test_leaves_each_chunk_either_recorded_or_cancelled(
        self, engine: Engine, project: Project, queues: Any
    ) -> None:
        def cancel(job_id: UUID) -> None:
            with db.transaction(project.user_id) as session:
                service.cancel(session, project.id, job_id)

        for _ in ROUNDS:
            job, chunks = create_open_chunks(engine, project, 2)
            key = put_outcome(chunks[0], [result(0)])

            at_once(partial(recording.record_outcome, key), partial(cancel, job.id))

            assert status_of(engine, job) is JobStatus.cancelled
            with Session(engine) as session:
                first, second = (session.get_one(JobChunk, chunk.id) for chunk in chunks)
            assert first.outcomes in ({"stored": 1}, {"cancelled": 1})
            assert (second.status, second.outcomes) == (WorkStatus.cancelled, {"cancelled": 1})


class TestRelay:
    def test_sends_each_message_once_from_two_relays(
        self, engine: Engine, project: Project, queues: Any
    ) -> None:
        with Session(engine) as session:
            session.add_all(OutboxMessage(target=Target.plan, body={"n": n}) for n in range(400))
            session.commit()

        at_once(outbox.relay, outbox.relay)

        bodies = queues.bodies("plan")
        assert (len(bodies), len(set(bodies))) == (400, 400)


def create_project(
    url: URL, user_id: UUID, headers: dict[str, str], start: Any, answers: Any
) -> None:
    """One request, in a process of its own as each of Lambda's is."""
    engine = create_engine(url)
    pytest.MonkeyPatch().setattr(db, "new_session", lambda: Session(engine, expire_on_commit=False))
    start.wait(timeout=600)
    answer = Api(user_id).ask("POST", "/api/projects", {"name": "once"}, None, **headers)
    answers.put((answer.status, answer.body))


class TestTwentyRequestsAtOnce:
    def ask(self, engine: Engine, user_id: UUID, **headers: str) -> list[tuple[int, Any]]:
        start, answers = PROCESSES.Barrier(N_REQUESTS), PROCESSES.Queue()
        args = (engine.url, user_id, headers, start, answers)
        processes = [PROCESSES.Process(target=create_project, args=args) for _ in range(N_REQUESTS)]
        for process in processes:
            process.start()
        given = [answers.get(timeout=600) for _ in processes]
        for process in processes:
            process.join()
        with Session(engine) as session:
            assert session.scalar(select(func.count()).where(Project.name == "once")) == 1
        return given

    def test_with_one_idempotency_key_get_one_answer(
        self, engine: Engine, project: Project
    ) -> None:
        given = self.ask(engine, project.user_id, idempotency_key="once")

        assert given == [(HTTPStatus.CREATED, given[0][1])] * N_REQUESTS

    def test_for_one_name_make_one_project_and_tell_the_rest_of_it(
        self, engine: Engine, project: Project
    ) -> None:
        given = self.ask(engine, project.user_id)

        (made,) = [body["id"] for status, body in given if status == HTTPStatus.CREATED]
        assert [
            (status, body["code"], body["existing_id"])
            for status, body in given
            if status != HTTPStatus.CREATED
        ] == [(HTTPStatus.CONFLICT, "ProjectNameTakenError", made)] * (N_REQUESTS - 1)

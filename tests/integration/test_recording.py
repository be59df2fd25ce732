import hashlib
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset import keys
from crawlset.crawls import recording
from crawlset.kit import objects
from crawlset.kit.lines import pack_lines
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories

pytestmark = [
    pytest.mark.role("crawlset_worker"),
    pytest.mark.usefixtures("bucket", "queues"),
]


@pytest.fixture
def job(session: Session) -> CrawlJob:
    project = factories.create_project(session, factories.create_profile(session))
    return factories.create_crawl_job(session, project)


def create_open_chunk(session: Session, job: CrawlJob, n_urls: int) -> JobChunk:
    chunk = factories.create_chunk(session, job, n_urls=n_urls)
    for ordinal in range(n_urls):
        factories.create_image(session, chunk, status=ImageStatus.pending, ordinal=ordinal)
    return chunk


def result(n: int, outcome: str = "stored", content: bytes | None = None) -> dict[str, Any]:
    is_stored = outcome == "stored"
    content = content if content is not None else str(n).encode()
    return {
        "n": n,
        "outcome": outcome,
        "detail": None,
        "final_url": "https://images.example.org/x.jpg",
        "http_status": 200,
        "content_type": "image/jpeg",
        "file_size": 100 if is_stored else None,
        "sha256": hashlib.sha256(content).hexdigest() if is_stored else None,
        "width": 640 if is_stored else None,
        "height": 480 if is_stored else None,
        "format": "jpeg" if is_stored else None,
        "mode": "RGB" if is_stored else None,
        "n_frames": 1 if is_stored else None,
        "phash": -5 if is_stored else None,
        "pack_offset": 512 if is_stored else None,
        "pack_length": 100 if is_stored else None,
        "evidence": {"elapsed_ms": 3},
    }


def put_outcome(chunk: JobChunk, results: list[dict[str, Any]], pack_key: str | None = None) -> str:
    key = keys.outcome(chunk.crawl_job_id, chunk.id)
    head = {
        "v": 1,
        "job_id": str(chunk.crawl_job_id),
        "chunk_id": str(chunk.id),
        "attempt": 1,
        "pack_key": pack_key or keys.pack(chunk.crawl_job_id, chunk.id, 1, "t"),
        "pack_bytes": 1000,
        "n_urls": len(results),
        "duration_seconds": 1.0,
    }
    objects.put(key, pack_lines([head, *results]))
    return key


def outcomes_of(session: Session, chunk: JobChunk) -> list[Outcome | None]:
    session.expire_all()
    return list(
        session.scalars(
            select(Image.outcome).where(Image.chunk_id == chunk.id).order_by(Image.ordinal)
        )
    )


class TestRecordOutcome:
    def test_settles_every_image_and_finishes_the_job(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 3)

        recording.record_outcome(
            put_outcome(chunk, [result(0), result(1, "http_404"), result(2, "refused_noai")])
        )

        assert outcomes_of(session, chunk) == [
            Outcome.stored,
            Outcome.http_404,
            Outcome.refused_noai,
        ]
        assert chunk.status is WorkStatus.completed
        assert chunk.outcomes == {"stored": 1, "http_404": 1, "refused_noai": 1}
        assert chunk.bytes_stored == 100
        assert job.status is JobStatus.completed

    def test_keeps_equal_bytes_once(self, session: Session, job: CrawlJob) -> None:
        first = create_open_chunk(session, job, 2)
        second = create_open_chunk(session, job, 1)

        recording.record_outcome(
            put_outcome(first, [result(0, content=b"x"), result(1, content=b"x")])
        )
        recording.record_outcome(put_outcome(second, [result(0, content=b"x")]))

        assert outcomes_of(session, first) == [Outcome.stored, Outcome.duplicate_bytes]
        assert outcomes_of(session, second) == [Outcome.duplicate_bytes]
        keeper, *duplicates = session.scalars(select(Image).order_by(Image.id)).all()
        assert [image.duplicate_of for image in duplicates] == [keeper.id, keeper.id]

    def test_changes_nothing_the_second_time(self, session: Session, job: CrawlJob) -> None:
        chunk = create_open_chunk(session, job, 1)
        key = put_outcome(chunk, [result(0)])
        recording.record_outcome(key)

        assert recording.record_outcome(key) == 0

        assert outcomes_of(session, chunk) == [Outcome.stored]

    def test_fails_what_the_outcome_leaves_out(self, session: Session, job: CrawlJob) -> None:
        chunk = create_open_chunk(session, job, 2)

        recording.record_outcome(put_outcome(chunk, [result(0)]))

        assert outcomes_of(session, chunk) == [Outcome.stored, Outcome.worker_failed]

    def test_changes_nothing_after_the_cancel(self, session: Session, job: CrawlJob) -> None:
        chunk = create_open_chunk(session, job, 1)
        chunk.status = WorkStatus.cancelled
        session.commit()

        assert recording.record_outcome(put_outcome(chunk, [result(0)])) == 0

    def test_leaves_the_job_running_while_another_chunk_is_open(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        create_open_chunk(session, job, 1)

        recording.record_outcome(put_outcome(chunk, [result(0)]))

        session.refresh(job)
        assert job.status is JobStatus.running

    def test_refuses_a_pack_that_is_not_the_chunks(self, session: Session, job: CrawlJob) -> None:
        chunk = create_open_chunk(session, job, 1)
        foreign = keys.pack(job.id, uuid4(), 1, "t")

        with pytest.raises(recording.ForeignPackError):
            recording.record_outcome(put_outcome(chunk, [result(0)], foreign))

        assert outcomes_of(session, chunk) == [None]

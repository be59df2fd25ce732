from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, WorkStatus
from crawlset.outcomes import Outcome
from crawlset.wire import keys
from tests.integration.outcomes import create_open_chunk, put_outcome, result

pytestmark = [
    pytest.mark.role("crawlset_worker"),
    pytest.mark.usefixtures("bucket", "queues"),
]


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
        assert (chunk.fetch_seconds, chunk.bytes_received) == (1.5, 2000)
        assert job.status is JobStatus.completed

    def test_keeps_what_the_decoder_and_the_server_told(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        transform = {"mode": "border", "size": 256, "original": {"sha256": "00"}}
        validators: dict[str, Any] = {"etag": '"x"', "last_modified": "Sat, 01 Aug 2026"}

        recording.record_outcome(
            put_outcome(chunk, [result(0, transform=transform, n_retries=1, **validators)])
        )

        image = session.scalars(select(Image)).one()
        assert (image.phash, image.phashes) == (-5, [-5, -6, 7, 8])
        assert image.scores == {"sharpness": 0.5}
        assert image.transform == transform
        assert {"etag": image.etag, "last_modified": image.last_modified} == validators
        assert image.n_retries == 1

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

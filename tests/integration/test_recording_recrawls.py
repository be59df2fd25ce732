import hashlib
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.crawls import finishing, recording
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.models import CrawlJob, Image, JobChunk, JobStatus, WorkStatus
from crawlset.outcomes import Change, ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.outcomes import Defer, UrlOutcome
from tests import factories
from tests.integration.outcomes import create_open_chunk, image_at, put_outcome, result

pytestmark = pytest.mark.usefixtures("bucket")


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_recrawl_chunk(session, job)


def unchanged(n: int, **overrides: Any) -> UrlOutcome:
    """What a 304 says."""
    nothing: dict[str, Any] = dict.fromkeys(
        (
            *("file_size", "sha256", "width", "height", "format", "mode", "n_frames", "phash"),
            *("phashes", "scores", "pack_offset", "pack_length"),
        )
    )
    return result(n, http_status=304, change="unchanged", **nothing | overrides)


def columns_of(image: Image) -> dict[str, Any]:
    return {column.key: getattr(image, column.key) for column in Image.__table__.columns}


@pytest.mark.role("crawlset_worker")
@pytest.mark.usefixtures("queues")
class TestRecordOutcome:
    def test_notes_what_is_unchanged(self, session: Session, chunk: JobChunk) -> None:
        before = columns_of(image_at(session, chunk, 0))

        recording.record_outcome(put_outcome(chunk, [unchanged(0, etag='"new"')]))

        after = columns_of(image_at(session, chunk, 0))
        assert after["checked_at"] is not None
        assert after == before | {
            "change": Change.unchanged,
            "checked_at": after["checked_at"],
            "etag": '"new"',
        }

    @pytest.mark.parametrize("change", [Change.same_picture, Change.replaced])
    def test_renews_what_has_other_bytes(
        self, session: Session, chunk: JobChunk, change: Change
    ) -> None:
        pack_key = keys.pack(chunk.crawl_job_id, chunk.id, 1, "new")
        line = result(1, content=b"new", change=change.value, etag='"new"', phash=9)

        recording.record_outcome(put_outcome(chunk, [unchanged(0), line, unchanged(2)], pack_key))

        image = image_at(session, chunk, 1)
        assert (image.status, image.outcome, image.change) == (
            ImageStatus.stored,
            Outcome.stored,
            change,
        )
        assert (image.sha256, image.pack_key, image.file_size) == (digest(b"new"), pack_key, 100)
        assert (image.phash, image.etag) == (9, '"new"')
        assert image.checked_at is not None
        assert (chunk.outcomes, chunk.bytes_stored) == ({"stored": 3}, 2_100)

    def test_keeps_the_bytes_of_what_is_gone(self, session: Session, chunk: JobChunk) -> None:
        before = columns_of(image_at(session, chunk, 0))

        recording.record_outcome(put_outcome(chunk, [result(0, "http_410", change="gone")]))

        after = columns_of(image_at(session, chunk, 0))
        assert after["checked_at"] is not None
        assert after == before | {"change": Change.gone, "checked_at": after["checked_at"]}

    def test_takes_out_what_has_been_refused_since(self, session: Session, chunk: JobChunk) -> None:
        evidence = {"opt_out": {"signal": "robots.txt"}}

        recording.record_outcome(
            put_outcome(chunk, [result(0, "refused_robots", evidence=evidence)])
        )

        image = image_at(session, chunk, 0)
        assert (image.status, image.outcome) == (ImageStatus.refused, Outcome.refused_robots)
        assert (image.evidence, image.sha256, image.pack_key) == (evidence, None, None)
        assert chunk.outcomes == {"stored": 2, "refused_robots": 1}

    def test_leaves_alone_what_could_not_be_asked_for_and_says_why(
        self, session: Session, chunk: JobChunk
    ) -> None:
        before = columns_of(image_at(session, chunk, 0))

        recording.record_outcome(put_outcome(chunk, [result(0, "timeout", detail="30 s")]))

        assert columns_of(image_at(session, chunk, 0)) == before | {"detail": "30 s"}

    def test_counts_what_it_found(self, session: Session, chunk: JobChunk) -> None:
        lines = [
            unchanged(0),
            result(1, "http_404", change="gone"),
            result(2, "timeout", detail="30 s"),
        ]

        recording.record_outcome(put_outcome(chunk, lines))

        session.refresh(chunk)
        assert chunk.changes == {"unchanged": 1, "gone": 1, "failed": 1}

    def test_keeps_bytes_that_the_job_has_already_once(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        other = factories.create_chunk(session, job, status=WorkStatus.completed)
        keeper = factories.create_image(session, other, sha256=digest(b"kept"))

        recording.record_outcome(
            put_outcome(chunk, [result(0, content=b"kept", change="replaced")])
        )

        image = image_at(session, chunk, 0)
        assert (image.outcome, image.duplicate_of) == (Outcome.duplicate_bytes, keeper.id)
        assert image.change is Change.replaced

    @pytest.mark.parametrize(
        "line",
        [
            result(0, content=b"new", change="replaced"),
            result(0, outcome="refused_noai", sha256=None, pack_offset=None, pack_length=None),
        ],
    )
    def test_leaves_the_bytes_it_had_to_the_first_of_its_duplicates(
        self, session: Session, job: CrawlJob, chunk: JobChunk, line: UrlOutcome
    ) -> None:
        keeper = image_at(session, chunk, 0)
        place = keeper.pack_key, keeper.pack_offset, keeper.pack_length
        other = factories.create_chunk(session, job, status=WorkStatus.completed)
        first, second = (
            factories.create_image(
                session,
                other,
                ordinal=n,
                status=ImageStatus.duplicate,
                outcome=Outcome.duplicate_bytes,
                sha256=keeper.sha256,
                pack_key=None,
                duplicate_of=keeper.id,
            )
            for n in range(2)
        )

        recording.record_outcome(put_outcome(chunk, [line]))

        session.expire_all()
        assert (first.outcome, first.duplicate_of) == (Outcome.stored, None)
        assert (first.pack_key, first.pack_offset, first.pack_length) == place
        assert (second.outcome, second.duplicate_of) == (Outcome.duplicate_bytes, first.id)
        assert other.outcomes == {"stored": 1, "duplicate_bytes": 1}

    def test_lets_two_pictures_swap_their_bytes(self, session: Session, chunk: JobChunk) -> None:
        lines = [
            result(0, content=b"1", change="replaced"),
            result(1, content=b"0", change="replaced"),
        ]

        recording.record_outcome(put_outcome(chunk, lines))

        assert image_at(session, chunk, 0).sha256 == digest(b"1")
        assert image_at(session, chunk, 1).sha256 == digest(b"0")
        assert chunk.outcomes == {"stored": 3}

    def test_changes_nothing_the_second_time(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        lines = [unchanged(0), result(1, content=b"new", change="replaced")]
        key = put_outcome(chunk, [*lines, result(2, "http_404", change="gone")])
        recording.record_outcome(key)
        before = [columns_of(image_at(session, chunk, n)) for n in range(3)]

        assert recording.record_outcome(key) == 0

        assert [columns_of(image_at(session, chunk, n)) for n in range(3)] == before

    def test_completes_the_job_and_counts_the_same_candidates(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        lines = [unchanged(0), unchanged(1), result(2, "http_404", change="gone")]

        recording.record_outcome(put_outcome(chunk, lines))

        session.refresh(job)
        counts = CrawlRepository(session).count([job.id])[job.id]
        assert job.status is JobStatus.completed
        assert (counts.n_candidates, dict(counts.outcomes)) == (3, {"stored": 3})

    def test_defers_as_a_re_crawl(self, session: Session, job: CrawlJob, chunk: JobChunk) -> None:
        defer = Defer(60, "retry_after")

        recording.record_outcome(
            put_outcome(chunk, [unchanged(0), unchanged(1), result(2, "http_429", defer=defer)])
        )

        session.expire_all()
        later = session.scalars(select(JobChunk).where(JobChunk.id != chunk.id)).one()
        assert (later.is_recrawl, later.outcomes, chunk.outcomes) == (
            True,
            {"stored": 1},
            {"stored": 2},
        )
        assert later.not_before is not None
        assert image_at(session, later, 0).status is ImageStatus.stored
        assert job.status is JobStatus.running

    def test_keeps_what_is_stored_when_the_chunk_is_given_up(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        before = columns_of(image_at(session, chunk, 0))

        finishing.fail_chunk(session, job, chunk.id, "The work failed.")

        assert columns_of(image_at(session, chunk, 0)) == before
        assert (chunk.status, chunk.outcomes) == (WorkStatus.failed, {"stored": 3})

    def test_does_not_let_a_first_fetch_touch_what_is_stored(
        self, session: Session, job: CrawlJob
    ) -> None:
        first = create_open_chunk(session, job, 1)
        stored = factories.create_image(session, first, ordinal=1)
        before = columns_of(stored)

        recording.record_outcome(put_outcome(first, [result(0), result(1, "refused_noai")]))

        assert columns_of(image_at(session, first, 1)) == before

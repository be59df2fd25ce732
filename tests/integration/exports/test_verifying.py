import hashlib

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportFile, ExportJob, JobStatus
from crawlset.wire import keys
from tests import factories
from tests.integration.exports.steps import (
    TRAIN,
    Store,
    archive_of,
    error_of,
    export,
    file_of,
    step,
    verify,
    write,
)

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.mark.role("crawlset_worker")
class TestVerifyExport:
    @pytest.fixture
    def written(self, job: CrawlJob, session: Session, store: Store) -> ExportJob:
        store(3)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)
        write(export_job)
        return export_job

    def test_shows_files_with_their_sums_when_all_is_sound(
        self, written: ExportJob, session: Session
    ) -> None:
        assert session.scalar(select(func.count()).select_from(ExportFile)) == 0

        step(written, "verify")

        session.refresh(written)
        rows = session.scalars(select(ExportFile).order_by(ExportFile.name)).all()
        assert [row.name for row in rows] == [
            "ATTRIBUTION.csv",
            "ATTRIBUTION.md",
            "README.md",
            "SHA256SUMS",
            "classes.txt",
            "config.json",
            "croissant.json",
            "data/train-00000.zip",
            "manifest.jsonl",
        ]
        for row in rows:
            body = file_of(written, row.name)
            assert (row.file_size, row.sha256) == (len(body), hashlib.sha256(body).digest())
        assert written.file_size == sum(row.file_size for row in rows)
        assert written.expires_at is not None
        assert written.finished_at is not None
        assert (written.expires_at - written.finished_at).days == 30

    @pytest.mark.parametrize(
        "name", ["data/train-00000.zip", "manifest.jsonl", "README.md", "croissant.json"]
    )
    @pytest.mark.parametrize("damage", ["flip", "cut", "delete"])
    def test_tells_damage_and_shows_nothing(
        self, written: ExportJob, session: Session, name: str, damage: str
    ) -> None:
        key = keys.export_file(written.id, name)
        body = bytearray(objects.get(key))
        if damage == "delete":
            objects.delete(key)
        elif damage == "cut":
            objects.put(key, bytes(body[:-1]))
        else:
            body[len(body) // 2] ^= 1
            objects.put(key, bytes(body))

        with pytest.raises(Exception) as raised:
            verify(written, [{"index": 0}])

        assert error_of(raised) == "ExportDamagedError"
        assert name in str(raised.value)
        assert session.scalar(select(func.count()).select_from(ExportFile)) == 0
        session.refresh(written)
        assert written.status is JobStatus.running

    def test_tells_a_shard_that_was_never_written(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        step(export_job, "plan")

        with pytest.raises(Exception) as raised:
            step(export_job, "finish")

        assert "was never written" in str(raised.value)


@pytest.mark.role("crawlset_worker")
class TestFailExport:
    def test_says_why_and_deletes_what_was_written(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        write(export_job)

        step(export_job, "fail", error={"Error": "States.Timeout", "Cause": ""})

        session.refresh(export_job)
        assert (export_job.status, export_job.error_message) == (
            JobStatus.failed,
            "A step ended with States.Timeout.",
        )
        assert list(objects.list_keys("exports/")) == []

    def test_leaves_a_completed_export_and_its_files(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job, export_options=TRAIN)
        export(export_job)

        step(export_job, "fail", error={"Error": "States.Timeout", "Cause": ""})

        session.refresh(export_job)
        assert export_job.status is JobStatus.completed
        assert len(archive_of(export_job)) == 1

    def test_cancels_with_the_validation_it_waited_for(
        self, job: CrawlJob, session: Session
    ) -> None:
        validation_job = factories.create_validation_job(session, job, status=JobStatus.cancelled)
        export_job = factories.create_export_job(session, job, validation_job_id=validation_job.id)

        step(export_job, "fail", error={"Error": "JobCancelledError", "Cause": ""})

        session.refresh(export_job)
        assert (export_job.status, export_job.error_message) == (JobStatus.cancelled, None)

    def test_does_nothing_for_a_deleted_job(self, job: CrawlJob, session: Session) -> None:
        export_job = factories.create_export_job(session, job)
        session.delete(session.merge(export_job))
        session.commit()

        error = {"Error": "NotFoundError", "Cause": ""}
        assert step(export_job, "fail", error=error) == {"error": error}

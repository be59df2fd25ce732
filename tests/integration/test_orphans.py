from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobStatus, SourceProbe, WorkStatus
from crawlset.tick import orphans
from crawlset.wire import keys
from tests import factories

pytestmark = [pytest.mark.role("crawlset_tick"), pytest.mark.usefixtures("bucket", "session")]


class TestRemove:
    def test_removes_old_objects_that_have_no_row(self, job: CrawlJob) -> None:
        kept = keys.pack(job.id, uuid4(), 1, "t")
        for key in (
            kept,
            keys.pack(uuid4(), uuid4(), 1, "t"),
            keys.cancelled(uuid4(), 1),
            keys.export_file(uuid4(), "data/train-00000.zip"),
            keys.execution("begun-long-ago"),
        ):
            objects.put(key, b"x")

        n_removed = orphans.remove(datetime.now(UTC) + timedelta(hours=1))

        assert n_removed == 4
        assert [*objects.list_keys("jobs/"), *objects.list_keys("exports/")] == [kept]

    def test_removes_what_exports_left_that_ended_badly(
        self, session: Session, job: CrawlJob
    ) -> None:
        exports = {
            status: factories.create_export_job(session, job, status=status) for status in JobStatus
        }
        for export in exports.values():
            objects.put(keys.export_file(export.id, "data/train-00000.zip"), b"x")

        orphans.remove(datetime.now(UTC) + timedelta(hours=1))

        left = {key.split("/")[1] for key in objects.list_keys("exports/")}
        assert left == {
            str(exports[status].id)
            for status in (JobStatus.pending, JobStatus.running, JobStatus.completed)
        }

    def test_leaves_what_belongs_to_searches_and_probes(
        self, session: Session, job: CrawlJob
    ) -> None:
        search = factories.create_search(session, job)
        probe = SourceProbe(user_id=job.user_id, source="sample", keyword="cat")
        session.add(probe)
        session.commit()
        kept = [keys.deferral(search.id), keys.probe(probe.id)]
        gone = [keys.deferral(uuid4()), keys.validation_file(uuid4(), "batches/1.json")]
        for key in [*kept, *gone]:
            objects.put(key, b"x")

        orphans.remove(datetime.now(UTC) + timedelta(hours=1))

        assert sorted(objects.list_keys("")) == sorted(kept)

    def test_removes_packs_that_no_row_owns(self, session: Session, job: CrawlJob) -> None:
        ended = factories.create_chunk(
            session, job, status=WorkStatus.failed, finished_at=datetime.now(UTC)
        )
        under_way = factories.create_chunk(session, job)
        stored = factories.create_image(session, ended)
        all_duplicates = factories.create_chunk(
            session,
            job,
            status=WorkStatus.completed,
            finished_at=datetime.now(UTC),
            pack_bytes=1_536,
        )
        all_duplicates.pack_key = keys.pack(job.id, all_duplicates.id, 1, "t")
        session.commit()
        kept = [stored.pack_key, keys.pack(job.id, under_way.id, 1, "t")]
        inputs = [keys.chunk_input(job.id, ended.id, 1), keys.outcome(job.id, ended.id)]
        gone = [keys.pack(job.id, ended.id, 1, "dead"), all_duplicates.pack_key]
        for key in [*kept, *inputs, *gone]:
            assert key is not None
            objects.put(key, b"x")

        orphans.remove(datetime.now(UTC))

        assert set(objects.list_keys("")) == {*kept, *inputs}
        session.expire_all()
        assert all_duplicates.pack_key is None
        assert all_duplicates.pack_bytes == 0

    def test_leaves_what_is_not_half_an_hour_old(self) -> None:
        objects.put(keys.cancelled(uuid4(), 1), b"x")

        assert orphans.remove(datetime.now(UTC)) == 0

    def test_stops_at_its_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(orphans, "LIMIT", 2)
        for _ in range(3):
            objects.put(keys.cancelled(uuid4(), 1), b"x")

        later = datetime.now(UTC) + timedelta(hours=1)

        assert [orphans.remove(later), orphans.remove(later), orphans.remove(later)] == [2, 1, 0]

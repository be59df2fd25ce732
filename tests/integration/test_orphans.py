from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, JobStatus
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
        ):
            objects.put(key, b"x")

        n_removed = orphans.remove(datetime.now(UTC) + timedelta(days=2))

        assert n_removed == 3
        assert [*objects.list_keys("jobs/"), *objects.list_keys("exports/")] == [kept]

    def test_removes_what_exports_left_that_ended_badly(
        self, session: Session, job: CrawlJob
    ) -> None:
        exports = {
            status: factories.create_export_job(session, job, status=status) for status in JobStatus
        }
        for export in exports.values():
            objects.put(keys.export_file(export.id, "data/train-00000.zip"), b"x")

        orphans.remove(datetime.now(UTC) + timedelta(days=2))

        left = {key.split("/")[1] for key in objects.list_keys("exports/")}
        assert left == {
            str(exports[status].id)
            for status in (JobStatus.pending, JobStatus.running, JobStatus.completed)
        }

    def test_leaves_what_is_not_a_day_old(self) -> None:
        objects.put(keys.cancelled(uuid4(), 1), b"x")

        assert orphans.remove(datetime.now(UTC)) == 0

    def test_stops_at_its_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(orphans, "LIMIT", 2)
        for _ in range(3):
            objects.put(keys.cancelled(uuid4(), 1), b"x")

        later = datetime.now(UTC) + timedelta(days=2)

        assert [orphans.remove(later), orphans.remove(later), orphans.remove(later)] == [2, 1, 0]

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.exports import service
from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportFile, JobStatus
from crawlset.pipeline import service as pipeline
from tests import factories
from tests.integration.exports.steps import Store, expire, export

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.mark.role("crawlset_tick")
class TestExpireExports:
    def test_deletes_files_then_rows_of_what_expired(
        self, job: CrawlJob, session: Session, store: Store
    ) -> None:
        store(1)
        old, new = (factories.create_export_job(session, job) for _ in range(2))
        export(old)
        export(new)
        expire(session, old)

        assert service.list_expired(session) == [(job.user_id, old.id)]
        assert (pipeline.expire_exports(), pipeline.expire_exports()) == (1, 0)

        session.expire_all()
        kept = set(objects.list_keys("exports/"))
        assert kept
        assert all(key.startswith(f"exports/{new.id}/") for key in kept)
        assert set(session.scalars(select(ExportFile.export_job_id))) == {new.id}
        session.refresh(old)
        assert old.status is JobStatus.completed

    def test_tries_again_when_deleting_broke_off(
        self, job: CrawlJob, session: Session, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store(1)
        export_job = factories.create_export_job(session, job)
        export(export_job)
        expire(session, export_job)
        with monkeypatch.context() as patch:
            patch.setattr(objects, "delete_all", refuse)
            with pytest.raises(ConnectionError):
                pipeline.expire_exports()

        assert pipeline.expire_exports() == 1


def refuse(prefix: str) -> None:
    raise ConnectionError(prefix)

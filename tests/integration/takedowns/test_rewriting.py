from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, JobStatus, PackRewrite, Project
from crawlset.outcomes import ImageStatus
from crawlset.takedowns import resending, rewriting
from crawlset.takedowns.carrying_on import carry_on
from tests import factories
from tests.integration.takedowns.stored_images import CAT, DOG, Store, bytes_in_bucket, content


@pytest.mark.role("crawlset_worker")
@pytest.mark.usefixtures("bucket", "queues")
class TestRewriting:
    @pytest.fixture
    def rewrite_id(self, session: Session, project: Project, store: Store, queues: Any) -> UUID:
        """Of the pack of CAT and DOG, from which CAT was taken."""
        cat, _ = store(CAT, DOG)
        takedown = factories.create_takedown(session, project, value=cat.url)
        carry_on(project.user_id, takedown.id)
        queues.bodies("takedowns")
        return session.scalars(select(PackRewrite.id)).one()

    def test_done_twice_changes_nothing(
        self, session: Session, project: Project, rewrite_id: UUID
    ) -> None:
        for _ in range(2):
            assert rewriting.rewrite(project.user_id, rewrite_id)

        assert session.scalars(select(PackRewrite)).all() == []
        assert DOG in bytes_in_bucket()

    def test_goes_on_after_it_died_before_it_deleted(
        self, session: Session, project: Project, rewrite_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(objects, "delete", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                rewriting.rewrite(project.user_id, rewrite_id)
        assert CAT in bytes_in_bucket()

        assert rewriting.rewrite(project.user_id, rewrite_id)

        assert CAT not in bytes_in_bucket()
        session.expire_all()
        dog = session.scalars(select(Image).where(Image.status == ImageStatus.stored)).one()
        assert content(dog) == DOG

    def test_waits_for_an_export_that_reads_packs(
        self, session: Session, project: Project, job: CrawlJob, rewrite_id: UUID
    ) -> None:
        export = factories.create_export_job(session, job, status=JobStatus.running)

        assert not rewriting.rewrite(project.user_id, rewrite_id)

        assert len(list(objects.list_keys("jobs/"))) == 1
        export.status = JobStatus.completed
        session.commit()
        assert rewriting.rewrite(project.user_id, rewrite_id)
        assert CAT not in bytes_in_bucket()


@pytest.mark.role("crawlset_tick")
@pytest.mark.usefixtures("bucket")
class TestResending:
    def test_sends_for_what_nobody_has_done(
        self, session: Session, project: Project, job: CrawlJob, queues: Any
    ) -> None:
        takedown = factories.create_takedown(session, project)
        due = PackRewrite(
            user_id=project.user_id,
            crawl_job_id=job.id,
            takedown_id=takedown.id,
            pack_key="k",
            due_at=datetime.now(UTC) - timedelta(minutes=1),
        )
        session.add(due)
        session.commit()

        assert resending.resend_due() == 1
        assert resending.resend_due() == 0
        assert resending.resend_due(everything=True) == 2

        assert len(queues.bodies("takedowns")) == 3

"""What only several connections show of deletions: rows are committed, and deleted afterwards."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, delete, func, select, update
from sqlalchemy.orm import Session

from crawlset import deletions
from crawlset.crawls import service
from crawlset.errors import ConflictError, NotFoundError
from crawlset.jobs.crawl_repository import CrawlRepository, require_crawl_job
from crawlset.kit import db
from crawlset.models import CrawlJob, Image, JobStatus, Project
from crawlset.projects import service as projects
from crawlset.projects.repository import ProjectRepository
from crawlset.tick import purging
from tests import factories
from tests.integration.threads import at_once

ROUNDS = range(8)
N_IMAGES = 12


@pytest.fixture
def roles(engine: Engine) -> Iterator[dict[str, Engine]]:
    """Connections that are in a role from the start."""
    made = {
        role: create_engine(engine.url, connect_args={"options": f"-c role={role}"})
        for role in ("crawlset_api", "crawlset_tick")
    }
    yield made
    for each in made.values():
        each.dispose()


@pytest.fixture
def project(owner: Session) -> Project:
    return factories.create_project(owner, factories.create_profile(owner))


@pytest.fixture
def purge(roles: dict[str, Engine], monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    monkeypatch.setattr(purging, "PIECE", 5)
    monkeypatch.setattr(
        db, "new_session", lambda: Session(roles["crawlset_tick"], expire_on_commit=False)
    )
    return purging.purge_due


def create_job(owner: Session, project: Project) -> CrawlJob:
    job = factories.create_crawl_job(owner, project, status=JobStatus.completed)
    chunk = factories.create_chunk(owner, job)
    for _ in range(N_IMAGES):
        factories.create_image(owner, chunk)
    return job


def end_grace_soon(owner: Session, *rows: Any) -> None:
    """So soon that what runs now comes before and after it."""
    for row in rows:
        owner.execute(
            update(type(row))
            .where(type(row).id == row.id)
            .values(
                deleted_at=func.now(), purges_at=func.clock_timestamp() + timedelta(milliseconds=30)
            )
        )
    owner.commit()


def n_images(owner: Session, job_id: UUID) -> int:
    return owner.scalar(select(func.count()).where(Image.crawl_job_id == job_id)) or 0


class Caller:
    """What the API does, each in a transaction of its own; tells what it refuses."""

    def __init__(self, roles: dict[str, Engine], project: Project) -> None:
        self._engine = roles["crawlset_api"]
        self._user_id, self._project_id = project.user_id, project.id
        self.refused: list[str] = []

    def do(self, action: Callable[[Session], Any]) -> None:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            db.act_for(session, self._user_id)
            try:
                action(session)
            except (ConflictError, NotFoundError) as error:
                session.rollback()
                self.refused.append(type(error).__name__)

    def restore_job(self, job_id: UUID) -> None:
        self.do(lambda s: service.restore(s, self._user_id, self._project_id, job_id))

    def delete_job(self, job_id: UUID) -> None:
        self.do(lambda s: service.delete(s, self._project_id, job_id, grace_hours=1))

    def reopen_job(self, job_id: UUID) -> None:
        def reopen(session: Session) -> None:
            repository = CrawlRepository(session)
            job = require_crawl_job(session, self._project_id, job_id)
            repository.lock(job)
            repository.reopen(job)

        self.do(reopen)

    def restore_project(self) -> None:
        self.do(lambda s: projects.restore(s, self._user_id, self._project_id))

    def delete_project(self) -> None:
        def delete_(session: Session) -> None:
            project = ProjectRepository(session).lock(self._user_id, self._project_id)
            projects.delete(session, project, grace_hours=1)

        self.do(delete_)


@pytest.fixture
def caller(roles: dict[str, Engine], project: Project) -> Caller:
    return Caller(roles, project)


class TestRestore:
    def test_gives_a_job_back_whole_or_not_at_all(
        self, owner: Session, project: Project, caller: Caller, purge: Callable[[], int]
    ) -> None:
        for _ in ROUNDS:
            job = create_job(owner, project)
            end_grace_soon(owner, job)

            at_once(
                *(partial(caller.restore_job, job.id) for _ in range(2)), *(purge for _ in range(2))
            )
            while purge():
                pass

            kept = owner.scalar(select(CrawlJob.deleted_at.is_(None)).where(CrawlJob.id == job.id))
            owner.rollback()
            if kept is not None:
                owner.expire_all()
                assert n_images(owner, job.id) == N_IMAGES
                owner.rollback()

    def test_gives_a_project_back_whole_or_not_at_all(
        self, owner: Session, caller: Caller, project: Project, purge: Callable[[], int]
    ) -> None:
        earlier = create_job(owner, project)
        owner.execute(update(CrawlJob).values(deletions.marked(100)))
        owner.commit()
        jobs = [create_job(owner, project) for _ in range(3)]
        end_grace_soon(owner, project, *jobs)
        job_ids = [job.id for job in (earlier, *jobs)]

        at_once(caller.restore_project, purge, caller.restore_project, purge)
        purge()
        owner.expire_all()

        left = owner.scalars(select(CrawlJob.id).where(CrawlJob.deleted_at.is_(None))).all()
        counts = [n_images(owner, id_) for id_ in job_ids]
        assert (len(left), counts) in ((3, [N_IMAGES] * 4), (0, [0] * 4))
        assert bool(left) == (owner.scalar(select(Project.id)) is not None)

    def test_keeps_a_job_deleted_before_from_the_purge_of_its_project(
        self, owner: Session, project: Project, roles: dict[str, Engine], purge: Callable[[], int]
    ) -> None:
        job = create_job(owner, project)
        owner.execute(update(CrawlJob).values(deletions.marked(100)))
        owner.execute(update(Project).values(deletions.marked(0)))
        owner.commit()
        with Session(roles["crawlset_api"]) as restoring, restoring.begin():
            db.act_for(restoring, project.user_id)
            with db.showing_deleted(restoring):
                restoring.execute(select(CrawlJob.id).with_for_update())
                restoring.execute(update(Project).values(deletions.RESTORED))

                assert purge() == 0

        assert purge() == 0
        assert n_images(owner, job.id) == N_IMAGES

    def test_waits_for_a_purge_and_is_too_late(
        self, owner: Session, project: Project, caller: Caller, roles: dict[str, Engine]
    ) -> None:
        job = create_job(owner, project)
        owner.execute(update(CrawlJob).values(deletions.marked(0)))
        owner.commit()
        with Session(roles["crawlset_tick"]) as tick, tick.begin():
            tick.execute(select(CrawlJob.id).where(CrawlJob.id == job.id).with_for_update())
            tick.execute(delete(Image).where(Image.crawl_job_id == job.id))

            at_once(tick.commit, partial(caller.restore_job, job.id))

        assert caller.refused == ["RestoreTooLateError"]


class TestDelete:
    def test_lets_no_job_outlive_its_project(
        self,
        owner: Session,
        project: Project,
        roles: dict[str, Engine],
        caller: Caller,
        purge: Callable[[], int],
    ) -> None:
        job = create_job(owner, project)
        with Session(roles["crawlset_api"]) as deleting, deleting.begin():
            db.act_for(deleting, project.user_id)
            service.delete(deleting, project.id, job.id, 720)

            at_once(deleting.commit, caller.delete_project)
        owner.execute(update(Project).values(purges_at=func.now()))
        owner.commit()

        assert purge() == 2
        assert owner.scalar(select(Project.id)) is None

    def test_hides_no_job_that_runs(self, owner: Session, project: Project, caller: Caller) -> None:
        for _ in ROUNDS:
            job = factories.create_crawl_job(owner, project, status=JobStatus.completed)

            at_once(partial(caller.delete_job, job.id), partial(caller.reopen_job, job.id))

            owner.refresh(job)
            assert (job.status is JobStatus.running) != (job.deleted_at is not None)
            owner.rollback()

    def test_hides_no_project_whose_job_runs(
        self, owner: Session, project: Project, caller: Caller
    ) -> None:
        for _ in ROUNDS:
            owner.execute(delete(CrawlJob))
            owner.execute(update(Project).values(deletions.RESTORED))
            owner.commit()
            job = factories.create_crawl_job(owner, project, status=JobStatus.completed)

            at_once(caller.delete_project, partial(caller.reopen_job, job.id))

            owner.refresh(job)
            owner.refresh(project)
            assert (job.status is JobStatus.running) != (job.deleted_at is not None)
            assert job.deleted_at == project.deleted_at
            owner.rollback()

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crawlset import deletions
from crawlset.errors import NotFoundError
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.kit.paging import Order, Slice
from crawlset.models import CrawlJob, Project

NAMES = "ix_projects_user_id_name"
UNSYNCHRONIZED = {"synchronize_session": False}


class ProjectRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, user_id: UUID, project_id: UUID) -> Project | None:
        return self.session.scalar(
            select(Project).where(Project.id == project_id, Project.user_id == user_id)
        )

    def get_by_name(self, user_id: UUID, name: str) -> Project | None:
        return self.session.scalar(
            select(Project).where(
                Project.user_id == user_id, Project.name == name, Project.deleted_at.is_(None)
            )
        )

    def add_once(self, user_id: UUID, name: str, description: str | None) -> Project | None:
        """Insert a project unless the user has one of this name."""
        # No conflict target: this also runs before the migration that makes names unique.
        statement = (
            insert(Project)
            .values(id=new_id(), user_id=user_id, name=name, description=description)
            .on_conflict_do_nothing()
            .returning(Project)
        )
        return self.session.scalar(statement)

    def update_once(self, project: Project, changes: dict[str, Any]) -> bool:
        """Change the project unless its user has another of the new name."""

        def change() -> None:
            for field, value in changes.items():
                setattr(project, field, value)
            self.session.flush()

        if not self._unless_taken(change):
            return False
        self.session.refresh(project)
        return True

    def require(self, user_id: UUID, project_id: UUID) -> Project:
        """
        Raises:
            NotFoundError: there is none of this user's.
        """
        project = self.get(user_id, project_id)
        if project is None:
            raise NotFoundError("project", project_id)
        return project

    def lock(self, user_id: UUID, project_id: UUID) -> Project:
        """Get the project and lock its row until the transaction ends."""
        project = self.session.scalar(
            select(Project)
            .where(Project.id == project_id, Project.user_id == user_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if project is None:
            raise NotFoundError("project", project_id)
        return project

    def hold(self, user_id: UUID, project_id: UUID) -> Project:
        """
        Keep the project from being deleted while something is made in it.

        Raises:
            NotFoundError: there is none of this user's, or it was deleted.
        """
        held = self.session.scalar(
            select(Project)
            .where(
                Project.id == project_id, Project.user_id == user_id, Project.deleted_at.is_(None)
            )
            .with_for_update(read=True, key_share=True)
            .execution_options(populate_existing=True)
        )
        if held is None:
            raise NotFoundError("project", project_id)
        return held

    def list_page(
        self,
        user_id: UUID,
        after: str | None,
        limit: int,
        order: Order = Order.newest,
        *,
        deleted: bool = False,
    ) -> Slice[Project]:
        """With `deleted`, of those that can be restored; they must be shown."""
        statement = select(Project).where(Project.user_id == user_id)
        if deleted:
            statement = statement.where(deletions.can_be_restored(Project))
        return db.list_page(self.session, statement, Project.id, after, limit, order)

    def newest_jobs(self, project: Project, limit: int) -> Sequence[CrawlJob]:
        return self.session.scalars(
            select(CrawlJob)
            .where(CrawlJob.project_id == project.id)
            .order_by(CrawlJob.id.desc())
            .limit(limit)
        ).all()

    def delete(self, project: Project, grace_hours: int) -> bool:
        """Mark a locked project and its jobs as deleted at one instant; say if none is active."""
        marks = deletions.marked(grace_hours)
        self.session.execute(
            update(Project).where(Project.id == project.id).values(marks),
            execution_options=UNSYNCHRONIZED,
        )
        statuses = self.session.scalars(
            update(CrawlJob)
            .where(CrawlJob.project_id == project.id, CrawlJob.deleted_at.is_(None))
            .values(marks)
            .returning(CrawlJob.status),
            execution_options=UNSYNCHRONIZED,
        ).all()
        self.session.refresh(project)
        return all(status.is_final for status in statuses)

    def restore_once(self, project: Project) -> bool:
        """
        Take the deletion of a locked project back, and of the jobs deleted with it.

        Says whether its name is free; nothing changes if its grace is over. Every deleted job is
        locked before the clock is read: the purge takes them one by one once the project is due.
        """
        deleted = self.session.execute(
            select(CrawlJob.id, CrawlJob.deleted_at)
            .where(CrawlJob.project_id == project.id, CrawlJob.deleted_at.is_not(None))
            .order_by(CrawlJob.id)
            .with_for_update()
        ).all()
        with_it = [job_id for job_id, deleted_at in deleted if deleted_at == project.deleted_at]

        def change() -> None:
            restored = self.session.execute(
                update(Project)
                .where(Project.id == project.id, deletions.can_be_restored(Project))
                .values(deletions.RESTORED)
                .returning(Project.id),
                execution_options=UNSYNCHRONIZED,
            )
            if restored.first() is not None:
                self.session.execute(
                    update(CrawlJob).where(CrawlJob.id.in_(with_it)).values(deletions.RESTORED),
                    execution_options=UNSYNCHRONIZED,
                )

        is_free = self._unless_taken(change)
        self.session.refresh(project)
        return is_free

    def _unless_taken(self, change: Callable[[], None]) -> bool:
        """Undo the change if the user has another project of the name; say whether it stands."""
        try:
            with self.session.begin_nested():
                change()
        except IntegrityError as error:
            if NAMES in str(error.orig):
                return False
            raise
        return True

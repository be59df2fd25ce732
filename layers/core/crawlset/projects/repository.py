from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crawlset.errors import NotFoundError
from crawlset.kit.db import in_order
from crawlset.kit.ids import new_id
from crawlset.kit.paging import Order, Slice, cut
from crawlset.models import CrawlJob, JobStatus, Project


class ProjectRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, user_id: UUID, project_id: UUID) -> Project | None:
        return self.session.scalar(
            select(Project).where(Project.id == project_id, Project.user_id == user_id)
        )

    def get_by_name(self, user_id: UUID, name: str) -> Project | None:
        return self.session.scalar(
            select(Project).where(Project.user_id == user_id, Project.name == name)
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
        try:
            with self.session.begin_nested():
                for field, value in changes.items():
                    setattr(project, field, value)
                self.session.flush()
        except IntegrityError as error:
            if "ix_projects_user_id_name" in str(error.orig):
                return False
            raise
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
        """As `require`, and keep others from changing it meanwhile."""
        project = self.require(user_id, project_id)
        self.session.refresh(project, with_for_update=True)
        return project

    def list_page(
        self, user_id: UUID, after: str | None, limit: int, order: Order = Order.newest
    ) -> Slice[Project]:
        statement = select(Project).where(Project.user_id == user_id)
        statement = in_order(statement, Project.id, order, UUID(after) if after else None)
        rows = self.session.scalars(statement.limit(limit + 1)).all()
        return cut(rows, limit, lambda project: project.id)

    def newest_jobs(self, project: Project, limit: int) -> Sequence[CrawlJob]:
        return self.session.scalars(
            select(CrawlJob)
            .where(CrawlJob.project_id == project.id)
            .order_by(CrawlJob.id.desc())
            .limit(limit)
        ).all()

    def has_active_job(self, project_id: UUID) -> bool:
        active = (JobStatus.pending, JobStatus.running)
        jobs = select(CrawlJob.id).where(
            CrawlJob.project_id == project_id, CrawlJob.status.in_(active)
        )
        return self.session.execute(jobs.limit(1)).first() is not None

    def delete(self, project: Project) -> None:
        self.session.execute(delete(Project).where(Project.id == project.id))

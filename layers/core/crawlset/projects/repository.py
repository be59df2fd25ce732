from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crawlset.errors import NotFoundError
from crawlset.kit.paging import Slice, cut
from crawlset.models import CrawlJob, JobStatus, Project


class ProjectRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, user_id: UUID, project_id: UUID) -> Project | None:
        return self.session.scalar(
            select(Project).where(Project.id == project_id, Project.user_id == user_id)
        )

    def require(self, user_id: UUID, project_id: UUID) -> Project:
        """
        Raises:
            NotFoundError: there is none of this user's.
        """
        project = self.get(user_id, project_id)
        if project is None:
            raise NotFoundError("project", project_id)
        return project

    def list_page(self, user_id: UUID, after: str | None, limit: int) -> Slice[Project]:
        """Newest first."""
        statement = select(Project).where(Project.user_id == user_id)
        if after is not None:
            statement = statement.where(Project.id < UUID(after))
        rows = self.session.scalars(statement.order_by(Project.id.desc()).limit(limit + 1)).all()
        return cut(rows, limit, lambda project: project.id)

    def has_active_job(self, project_id: UUID) -> bool:
        active = (JobStatus.pending, JobStatus.running)
        jobs = select(CrawlJob.id).where(
            CrawlJob.project_id == project_id, CrawlJob.status.in_(active)
        )
        return self.session.execute(jobs.limit(1)).first() is not None

    def delete(self, user_id: UUID, project_id: UUID) -> bool:
        result = self.session.execute(
            delete(Project)
            .where(Project.id == project_id, Project.user_id == user_id)
            .returning(Project.id)
        )
        return result.first() is not None

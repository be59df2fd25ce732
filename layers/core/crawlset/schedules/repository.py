"""Every query about templates and schedules."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crawlset.errors import ConflictError, NotFoundError
from crawlset.kit import db
from crawlset.kit.paging import Order, Slice
from crawlset.models import CrawlSchedule, JobTemplate, Project


class NameTakenError(ConflictError):
    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"The project has another {noun} named {name!r}.")


class _OfProject[R: (JobTemplate, CrawlSchedule)]:
    model: type[R]
    noun: str

    def __init__(self, session: Session) -> None:
        self.session = session

    def require(self, project_id: UUID, id_: UUID) -> R:
        """
        Raises:
            NotFoundError: the caller's project has none of this id.
        """
        return self._require(self._of_project(project_id, id_), id_)

    def lock(self, project_id: UUID, id_: UUID) -> R:
        """Get the row and lock it until the transaction ends."""
        statement = self._of_project(project_id, id_).with_for_update(of=self.model)
        return self._require(statement.execution_options(populate_existing=True), id_)

    def _of_project(self, project_id: UUID, id_: UUID) -> Select[R]:
        return (
            select(self.model)
            .join(Project, Project.id == self.model.project_id)  # it is hidden when deleted
            .where(self.model.id == id_, self.model.project_id == project_id)
        )

    def _require(self, statement: Select[R], id_: UUID) -> R:
        row = self.session.scalar(statement)
        if row is None:
            raise NotFoundError(self.noun, id_)
        return row

    def save(self, row: R) -> R:
        """
        Raises:
            NameTakenError: the project has another of this name.
        """
        name = row.name
        self.session.add(row)
        try:
            self.session.flush()
        except IntegrityError as error:
            if "_project_id_name" in str(error.orig):
                raise NameTakenError(self.noun, name) from error
            raise
        self.session.refresh(row)
        return row

    def list_page(self, project_id: UUID, after: str | None, limit: int, order: Order) -> Slice[R]:
        statement = select(self.model).where(self.model.project_id == project_id)
        return db.list_page(self.session, statement, self.model.id, after, limit, order)


class TemplateRepository(_OfProject[JobTemplate]):
    model = JobTemplate
    noun = "job template"

    def is_scheduled(self, template: JobTemplate) -> bool:
        schedules = select(CrawlSchedule.id).where(CrawlSchedule.template_id == template.id)
        return self.session.execute(schedules.limit(1)).first() is not None


class ScheduleRepository(_OfProject[CrawlSchedule]):
    model = CrawlSchedule
    noun = "crawl schedule"

    def lock_due(
        self, limit: int, full: Collection[UUID] = ()
    ) -> Sequence[tuple[CrawlSchedule, JobTemplate]]:
        """
        Due schedules of any owner with their templates; another tick passes these over.

        Of the users in `full`, only those that do not wait for room. None of a deleted project, and
        their projects are not deleted meanwhile.
        """
        rows = self.session.execute(
            select(CrawlSchedule, JobTemplate)
            .join(JobTemplate, JobTemplate.id == CrawlSchedule.template_id)
            .join(Project, Project.id == CrawlSchedule.project_id)
            .where(
                Project.deleted_at.is_(None),
                CrawlSchedule.next_run_at <= func.now(),
                ~CrawlSchedule.is_paused,
                ~(CrawlSchedule.catches_up & CrawlSchedule.user_id.in_(full)),
            )
            .order_by(CrawlSchedule.next_run_at)
            .limit(limit)
            .with_for_update(of=(CrawlSchedule, Project), key_share=True, skip_locked=True)
        )
        return [(schedule, template) for schedule, template in rows]

"""Projects by name: an account has each name once, which the database holds."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.deletions import RestoreTooLateError
from crawlset.errors import ConflictError
from crawlset.kit import db
from crawlset.models import Project
from crawlset.observability import logger
from crawlset.projects.repository import ProjectRepository


class ProjectNameTakenError(ConflictError):
    """`existing_id` is the project that has the name."""

    def __init__(self, name: str, existing_id: UUID | None) -> None:
        self.existing_id = existing_id
        super().__init__(f"You have a project named {name!r} already: {existing_id}.")


class ProjectActiveError(ConflictError):
    def __init__(self, project_id: UUID) -> None:
        super().__init__(f"Project {project_id} has running crawl jobs; cancel them first.")


def create(session: Session, user_id: UUID, name: str, description: str | None) -> Project:
    """
    Raises:
        ProjectNameTakenError: the user has one of this name.
    """
    project = ProjectRepository(session).add_once(user_id, name, description)
    if project is None:
        raise _taken(session, user_id, name)
    return project


def get_or_create(session: Session, user_id: UUID, name: str) -> Project:
    """
    The user's project of this name.

    Raises:
        ProjectNameTakenError: it was deleted while it was looked for.
    """
    repository = ProjectRepository(session)
    project = repository.add_once(user_id, name, None) or repository.get_by_name(user_id, name)
    if project is None:
        raise ProjectNameTakenError(name, None)
    return project


def update(session: Session, project: Project, changes: dict[str, Any]) -> None:
    """
    Raises:
        ProjectNameTakenError: the user has another of this name.
    """
    user_id = project.user_id
    if not ProjectRepository(session).update_once(project, changes):
        raise _taken(session, user_id, changes["name"])


def delete(session: Session, project: Project, grace_hours: int) -> None:
    """
    Hide a locked project with all that is in it, and remove it when its grace is over.

    Raises:
        ProjectActiveError: a crawl job of it has not ended.
    """
    with db.showing_deleted(session):
        if not ProjectRepository(session).delete(project, grace_hours):
            raise ProjectActiveError(project.id)
    logger.info("project_deleted", project_id=str(project.id), grace_hours=grace_hours)


def restore(session: Session, user_id: UUID, project_id: UUID) -> Project:
    """
    Take the deletion of a project back, and of the jobs that were deleted with it.

    One that is not deleted stays as it is.

    Raises:
        NotFoundError: the user has no such project any more.
        RestoreTooLateError: it is being removed.
        ProjectNameTakenError: another has its name now.
    """
    repository = ProjectRepository(session)
    with db.showing_deleted(session):
        project = repository.lock(user_id, project_id)
        if project.deleted_at is None:
            return project
        if not repository.restore_once(project):
            raise _taken(session, user_id, project.name)
        if project.deleted_at is not None:
            raise RestoreTooLateError("project", project)
    logger.info("project_restored", project_id=str(project.id))
    return project


def _taken(session: Session, user_id: UUID, name: str) -> ProjectNameTakenError:
    existing = ProjectRepository(session).get_by_name(user_id, name)
    return ProjectNameTakenError(name, existing.id if existing else None)

"""Projects by name: an account has each name once, which the database holds."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.errors import ConflictError
from crawlset.models import Project
from crawlset.projects.repository import ProjectRepository


class ProjectNameTakenError(ConflictError):
    """`existing_id` is the project that has the name."""

    def __init__(self, name: str, existing_id: UUID | None) -> None:
        self.existing_id = existing_id
        super().__init__(f"You have a project named {name!r} already: {existing_id}.")


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


def _taken(session: Session, user_id: UUID, name: str) -> ProjectNameTakenError:
    existing = ProjectRepository(session).get_by_name(user_id, name)
    return ProjectNameTakenError(name, existing.id if existing else None)

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.deletions import DEFAULT_GRACE_HOURS, Deleted, GraceHours
from crawlset.kit import db
from crawlset.kit.http import require_match
from crawlset.kit.paging import Cursor, Order, Page, PageLimit, Sort, decode_uuid
from crawlset.models import Project
from crawlset.projects import service
from crawlset.projects.repository import ProjectRepository
from crawlset.projects.schemas import (
    ProjectCreate,
    ProjectDetail,
    ProjectRead,
    ProjectUpdate,
)

router = APIGatewayHttpRouter()
TAGS: Any = ["projects"]
JOBS_SHOWN = 10


def repository() -> ProjectRepository:
    return ProjectRepository(router.context["session"])


def caller() -> UUID:
    user_id: UUID = router.context["user_id"]
    return user_id


@router.post("/api/projects", summary="Create a project", tags=TAGS, status_code=HTTPStatus.CREATED)
@logs(router, "project.created")
def create_project(request: ProjectCreate) -> ProjectDetail:
    session = router.context["session"]
    project = service.create(session, caller(), request.name, request.description)
    return ProjectDetail.of(project, [])


@router.get("/api/projects", summary="List projects", tags=TAGS)
def list_projects(
    limit: PageLimit = 20,
    cursor: Cursor = None,
    sort: Sort = Order.newest,
    *,
    deleted: Annotated[Deleted, Query()] = False,
) -> Page[ProjectRead]:
    if deleted:
        db.show_deleted(router.context["session"])
    page = repository().list_page(caller(), decode_uuid(cursor), limit, sort, deleted=deleted)
    return Page.of(page, ProjectRead.model_validate)


@router.get("/api/projects/<project_id>", summary="Get a project", tags=TAGS)
def get_project(project_id: UUID) -> ProjectDetail:
    return _detail(repository().require(caller(), project_id))


@router.patch("/api/projects/<project_id>", summary="Rename or describe a project", tags=TAGS)
@logs(router, "project.updated", "project_id")
def update_project(project_id: UUID, request: ProjectUpdate) -> ProjectDetail:
    project = repository().lock(caller(), project_id)
    require_match(router.current_event, _detail(project))
    service.update(router.context["session"], project, request.model_dump(exclude_unset=True))
    return _detail(project)


@router.delete(
    "/api/projects/<project_id>",
    summary="Delete a project and its jobs; they can be restored until their grace is over",
    tags=TAGS,
)
@logs(router, "project.deleted", "project_id")
def delete_project(
    project_id: UUID, grace_hours: Annotated[GraceHours, Query()] = DEFAULT_GRACE_HOURS
) -> ProjectRead:
    project = repository().lock(caller(), project_id)
    require_match(router.current_event, _detail(project))
    service.delete(router.context["session"], project, grace_hours)
    return ProjectRead.model_validate(project)


@router.post(
    "/api/projects/<project_id>/restore",
    summary="Restore a deleted project with the jobs that were deleted with it",
    tags=TAGS,
)
@logs(router, "project.restored", "project_id")
def restore_project(project_id: UUID) -> ProjectDetail:
    return _detail(service.restore(router.context["session"], caller(), project_id))


def _detail(project: Project) -> ProjectDetail:
    return ProjectDetail.of(project, repository().newest_jobs(project, JOBS_SHOWN))

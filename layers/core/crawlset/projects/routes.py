from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.errors import ConflictError
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


class ProjectActiveError(ConflictError):
    def __init__(self, project_id: UUID) -> None:
        super().__init__(f"Project {project_id} has running crawl jobs; cancel them first.")


def repository() -> ProjectRepository:
    return ProjectRepository(router.context["session"])


def caller() -> UUID:
    user_id: UUID = router.context["user_id"]
    return user_id


@router.post("/api/projects", summary="Create a project", tags=TAGS, status_code=HTTPStatus.CREATED)
def create_project(request: ProjectCreate) -> ProjectDetail:
    session = router.context["session"]
    project = service.create(session, caller(), request.name, request.description)
    return ProjectDetail.of(project, [])


@router.get("/api/projects", summary="List projects", tags=TAGS)
def list_projects(
    limit: PageLimit = 20,
    cursor: Cursor = None,
    sort: Sort = Order.newest,
) -> Page[ProjectRead]:
    page = repository().list_page(caller(), decode_uuid(cursor), limit, sort)
    return Page(
        items=[ProjectRead.model_validate(row) for row in page.rows],
        next_cursor=page.next_key,
    )


@router.get("/api/projects/<project_id>", summary="Get a project", tags=TAGS)
def get_project(project_id: UUID) -> ProjectDetail:
    return _detail(repository().require(caller(), project_id))


@router.patch("/api/projects/<project_id>", summary="Rename or describe a project", tags=TAGS)
def update_project(project_id: UUID, request: ProjectUpdate) -> ProjectDetail:
    project = repository().lock(caller(), project_id)
    require_match(router.current_event, _detail(project))
    service.update(router.context["session"], project, request.model_dump(exclude_unset=True))
    return _detail(project)


@router.delete(
    "/api/projects/<project_id>",
    summary="Delete a project and its jobs; their objects are removed within minutes",
    tags=TAGS,
    status_code=HTTPStatus.NO_CONTENT,
)
def delete_project(project_id: UUID) -> Response[None]:
    project = repository().lock(caller(), project_id)
    require_match(router.current_event, _detail(project))
    if repository().has_active_job(project_id):
        raise ProjectActiveError(project_id)
    repository().delete(project)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _detail(project: Project) -> ProjectDetail:
    return ProjectDetail.of(project, repository().newest_jobs(project, JOBS_SHOWN))

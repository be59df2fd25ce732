from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.errors import NotFoundError
from crawlset.kit.paging import Cursor, Page, PageLimit, decode_uuid
from crawlset.takedowns import service
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.schemas import TakedownCreate, TakedownPreview, TakedownRead

router = APIGatewayHttpRouter()
TAGS: Any = ["takedowns"]


@router.post(
    "/api/projects/<project_id>/takedowns",
    summary="Hide images by URL, host, creator or look-alike, then remove them; keep them out",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "takedown.created")
def create_takedown(project_id: UUID, request: TakedownCreate) -> TakedownRead:
    session = router.context["session"]
    takedown = service.create(session, router.context["user_id"], project_id, request)
    return service.read(session, [takedown])[0]


@router.post(
    "/api/projects/<project_id>/takedowns/preview",
    summary="Show what a takedown would remove, and change nothing",
    tags=TAGS,
)
def preview_takedown(project_id: UUID, request: TakedownCreate) -> TakedownPreview:
    session = router.context["session"]
    return service.preview(session, router.context["user_id"], project_id, request)


@router.get(
    "/api/projects/<project_id>/takedowns", summary="List takedowns, newest first", tags=TAGS
)
def list_takedowns(
    project_id: UUID,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[TakedownRead]:
    session = router.context["session"]
    page = TakedownRepository(session).list_page(
        router.context["user_id"], project_id, decode_uuid(cursor), limit
    )
    if page is None:
        raise NotFoundError("project", project_id)
    return Page.of_items(page, service.read(session, page.rows))


@router.get(
    "/api/projects/<project_id>/takedowns/<takedown_id>",
    summary="Get a takedown, with the exports it concerns",
    tags=TAGS,
)
def get_takedown(project_id: UUID, takedown_id: UUID) -> TakedownRead:
    session = router.context["session"]
    return service.read(session, [service.require(session, project_id, takedown_id)])[0]


@router.post(
    "/api/projects/<project_id>/takedowns/<takedown_id>/revoke",
    summary="Revoke a takedown within its grace: its images come back",
    tags=TAGS,
)
@logs(router, "takedown.revoked", "takedown_id")
def revoke_takedown(project_id: UUID, takedown_id: UUID) -> TakedownRead:
    session = router.context["session"]
    takedown = service.require(session, project_id, takedown_id)
    service.revoke(session, takedown)
    return service.read(session, [takedown])[0]

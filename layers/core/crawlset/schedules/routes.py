from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.kit.http import require_match
from crawlset.kit.paging import Cursor, Order, Page, PageLimit, Sort, decode_uuid
from crawlset.models import CrawlSchedule
from crawlset.projects.repository import ProjectRepository
from crawlset.schedules import service
from crawlset.schedules.repository import ScheduleRepository
from crawlset.schedules.schemas import (
    CrawlScheduleCreate,
    CrawlScheduleRead,
    CrawlScheduleUpdate,
)

router = APIGatewayHttpRouter()
TAGS: Any = ["templates and schedules"]
SCHEDULES = "/api/projects/<project_id>/crawl-schedules"
SCHEDULE = f"{SCHEDULES}/<schedule_id>"


@router.post(
    SCHEDULES,
    summary="Start a template by the clock",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "crawl_schedule.created")
def create_crawl_schedule(project_id: UUID, request: CrawlScheduleCreate) -> CrawlScheduleRead:
    session = router.context["session"]
    user_id = router.context["user_id"]
    return CrawlScheduleRead.of(service.create_schedule(session, user_id, project_id, request))


@router.get(SCHEDULES, summary="List crawl schedules", tags=TAGS)
def list_crawl_schedules(
    project_id: UUID,
    sort: Sort = Order.newest,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[CrawlScheduleRead]:
    session = router.context["session"]
    ProjectRepository(session).require(router.context["user_id"], project_id)
    page = ScheduleRepository(session).list_page(project_id, decode_uuid(cursor), limit, sort)
    return Page(items=[CrawlScheduleRead.of(row) for row in page.rows], next_cursor=page.next_key)


@router.get(SCHEDULE, summary="Get a crawl schedule", tags=TAGS)
def get_crawl_schedule(project_id: UUID, schedule_id: UUID) -> CrawlScheduleRead:
    session = router.context["session"]
    return CrawlScheduleRead.of(ScheduleRepository(session).require(project_id, schedule_id))


@router.patch(SCHEDULE, summary="Change, pause or resume a crawl schedule", tags=TAGS)
@logs(router, "crawl_schedule.updated", "schedule_id")
def update_crawl_schedule(
    project_id: UUID, schedule_id: UUID, request: CrawlScheduleUpdate
) -> CrawlScheduleRead:
    schedule = _lock(project_id, schedule_id)
    return CrawlScheduleRead.of(
        service.update_schedule(router.context["session"], schedule, request)
    )


@router.delete(
    SCHEDULE,
    summary="Delete a crawl schedule; its jobs stay",
    tags=TAGS,
    status_code=HTTPStatus.NO_CONTENT,
)
@logs(router, "crawl_schedule.deleted", "schedule_id")
def delete_crawl_schedule(project_id: UUID, schedule_id: UUID) -> Response[None]:
    session = router.context["session"]
    session.delete(_lock(project_id, schedule_id))
    session.flush()
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _lock(project_id: UUID, schedule_id: UUID) -> CrawlSchedule:
    schedule = ScheduleRepository(router.context["session"]).lock(project_id, schedule_id)
    require_match(router.current_event, CrawlScheduleRead.of(schedule))
    return schedule

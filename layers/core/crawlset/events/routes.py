from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.events.repository import ActivityRepository, EventPosition, EventRepository
from crawlset.events.schemas import ActivityRead, EventPage, EventRead
from crawlset.jobs.crawl_repository import require_crawl_job
from crawlset.kit.paging import (
    MAX_BIGINT,
    Cursor,
    InvalidCursorError,
    Page,
    PageLimit,
    Word,
    decode,
    decode_int,
    encode,
    fitting,
)

router = APIGatewayHttpRouter()

TAGS: Any = ["events"]


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/events",
    summary="What has happened to a crawl job, oldest first",
    tags=TAGS,
)
def list_events(
    project_id: UUID, job_id: UUID, limit: PageLimit = 100, cursor: Cursor = None
) -> EventPage:
    session = router.context["session"]
    job = require_crawl_job(session, project_id, job_id)
    events = EventRepository(session).list_after(job, _place(cursor), limit)
    items = fitting(map(EventRead.model_validate, events))
    last = events[len(items) - 1] if events else None
    return EventPage(
        items=items,
        next_cursor=encode(f"{last.transaction_id}.{last.id}") if last else cursor,
    )


@router.get("/api/activity", summary="What this account has changed, newest first", tags=TAGS)
def list_activity(
    *,
    action: Word = None,
    resource_type: Word = None,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[ActivityRead]:
    page = ActivityRepository(router.context["session"]).list_page(
        router.context["user_id"], action, resource_type, decode_int(cursor), limit
    )
    return Page.of(page, ActivityRead.model_validate)


def _place(cursor: str | None) -> EventPosition | None:
    key = decode(cursor)
    if key is None:
        return None
    try:
        place = EventPosition(*map(int, key.split(".")))
    except (TypeError, ValueError) as error:
        raise InvalidCursorError from error
    if not all(0 <= number <= MAX_BIGINT for number in place):
        raise InvalidCursorError
    return place

"""The tick's part: every job's events as CloudEvents on the service's EventBridge bus."""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from crawlset.events.repository import EventPosition, EventRepository
from crawlset.kit import aws, db
from crawlset.models import JobEvent
from crawlset.observability import logger
from crawlset.settings import event_settings

READER = "event bus"
SOURCE = "crawlset"
ENTRIES = 10
"""Events that EventBridge takes in one request."""
MAX_PUBLISHED = 5_000


def publish_new() -> int:
    """
    Publish what has happened since the last time, in order; say how many events.

    An event that the bus does not take is tried again the next minute, and with it those behind
    it. A crash may publish some twice, with the same id. Without a bus nothing is done.
    """
    if not event_settings().event_bus_name:
        return 0
    n_published = 0
    while n_published < MAX_PUBLISHED:
        with db.transaction() as session:
            repository = EventRepository(session)
            events = repository.list_of_all(repository.position_of(READER), ENTRIES)
        n_taken = _put(events) if events else 0
        if n_taken:
            last = events[n_taken - 1]
            with db.transaction() as session:
                EventRepository(session).advance(
                    READER, EventPosition(last.transaction_id, last.id)
                )
        n_published += n_taken
        if n_taken < ENTRIES:
            break
    return n_published


def has_new() -> bool:
    """Whether something has happened that the bus was not told, if there is one."""
    if not event_settings().event_bus_name:
        return False
    with db.transaction() as session:
        repository = EventRepository(session)
        return bool(repository.list_of_all(repository.position_of(READER), 1))


def cloud_event(event: JobEvent) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON."""
    return {
        "specversion": "1.0",
        "id": str(event.id),
        "source": f"/crawl-jobs/{event.crawl_job_id}",
        "type": f"{SOURCE}.{event.type}",
        "subject": str(event.data["id"]),
        "time": event.created_at.isoformat(),
        "datacontenttype": "application/json",
        "userid": str(event.user_id),
        "data": event.data,
    }


def _put(events: Sequence[JobEvent]) -> int:
    """How many of the first ones the bus took."""
    try:
        answer = aws.eventbridge().put_events(
            Entries=[
                {
                    "EventBusName": event_settings().event_bus_name,
                    "Source": SOURCE,
                    "DetailType": event.type,
                    "Time": event.created_at,
                    "Detail": json.dumps(cloud_event(event)),
                }
                for event in events
            ]
        )
    except (BotoCoreError, ClientError):
        logger.exception("events_not_published", events=len(events))
        return 0
    for place, entry in enumerate(answer["Entries"]):
        if "ErrorCode" in entry:
            logger.warning("event_refused", event_id=events[place].id, code=entry["ErrorCode"])
            return place
    return len(events)

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from crawlset.kit.fields import RequestBody, RowRead, printable
from crawlset.wire.events import EventType

MAX_URL_LENGTH = 2_000


EVERY = "*"
EVENTS = [EVERY, *EventType]


def _known_once(events: list[str]) -> list[str]:
    if unknown := [event for event in events if event not in EVENTS]:
        message = f"there is no event {unknown[0][:100]!r}; known are {', '.join(EVENTS)}"
        raise ValueError(message)
    if len(set(events)) < len(events):
        message = "an event is named twice"
        raise ValueError(message)
    return events


Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH), AfterValidator(printable)]
Events = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": [*EVENTS]})]],
    Field(min_length=1, description="Types to be told of; * for every one"),
    AfterValidator(_known_once),
]


class WebhookCreate(RequestBody):
    url: Annotated[Url, Field(description="https, and public")]
    events: Events = [EVERY]


class WebhookUpdate(RequestBody):
    """What is not given stays."""

    url: Url = ""
    events: Events = [EVERY]
    is_enabled: Annotated[
        bool, Field(strict=True, description="Once it is false, what waits is given up")
    ] = True


class WebhookRead(RowRead):
    id: UUID
    url: str
    events: list[str]
    is_enabled: Annotated[bool, Field(description="Also false after its server answered 410")]
    created_at: datetime
    updated_at: datetime


class WebhookCreated(WebhookRead):
    secret: Annotated[str, Field(description="Shown this once; verify signatures with it")]

    @classmethod
    def of(cls, read: WebhookRead, secret: str) -> Self:
        return cls(**read.model_dump(), secret=secret)


class DeliveryStatus(StrEnum):
    pending = "pending"
    delivered = "delivered"
    failed = "failed"


class DeliveryRead(RowRead):
    id: Annotated[UUID, Field(description="The `webhook-id` that is sent")]
    event: dict[str, Any]
    status: DeliveryStatus
    n_attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: Annotated[
        int | None, Field(description="HTTP status of the last answer; null if there was none")
    ]
    last_detail: str | None
    created_at: datetime

"""What travels on the queue of takedowns."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from crawlset.models import Takedown, Target
from crawlset.outbox import Message


class TakedownMessage(BaseModel):
    """Apply a takedown, or rewrite one pack: exactly one of the two is named."""

    v: Literal[1] = 1
    user_id: UUID
    takedown_id: UUID | None = None
    rewrite_id: UUID | None = None


def message_of(takedown: Takedown) -> Message:
    body = {"v": 1, "user_id": str(takedown.user_id), "takedown_id": str(takedown.id)}
    return Message(target=Target.takedowns, body=body)

"""What travels to `deliver` and back; imports no database."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class SignedDelivery(BaseModel):
    """An attempt to send; without the secret it was signed with."""

    v: Literal[1] = 1
    delivery_id: UUID
    attempt: int
    url: str
    headers: dict[str, str]
    body: str


class DeliveryResult(BaseModel):
    v: Literal[1] = 1
    delivery_id: UUID
    attempt: int
    status: int | None
    """What the server answered; none if it did not."""
    detail: str

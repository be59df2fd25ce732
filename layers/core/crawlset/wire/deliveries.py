"""A webhook's delivery on its way to `deliver`, and how it went."""

from dataclasses import dataclass
from uuid import UUID

from crawlset.wire.record import Versioned


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDelivery(Versioned):
    """Asks `deliver` to make one attempt; without the secret it was signed with."""

    delivery_id: UUID
    attempt: int
    url: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult(Versioned):
    """Tells `record` how one attempt went."""

    delivery_id: UUID
    attempt: int
    status: int | None
    """What the server answered; None if it did not."""
    detail: str

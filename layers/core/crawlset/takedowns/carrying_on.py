"""Take a takedown from the state it is in to the next one that can wait."""

from uuid import UUID

from crawlset.kit import db
from crawlset.models import TakedownStatus
from crawlset.takedowns import applying, removing, revoking
from crawlset.takedowns.repository import TakedownRepository


def carry_on(user_id: UUID, takedown_id: UUID) -> None:
    """
    Hide, remove or bring back, as its state says; without a grace, hide and remove at once.

    Each of these does nothing in another state than its own.
    """
    if _status_of(user_id, takedown_id) is TakedownStatus.pending:
        applying.apply(user_id, takedown_id)
    removing.remove(user_id, takedown_id)
    revoking.bring_back(user_id, takedown_id)


def _status_of(user_id: UUID, takedown_id: UUID) -> TakedownStatus | None:
    with db.transaction(user_id) as session:
        takedown = TakedownRepository(session).lock(takedown_id)
        return takedown.status if takedown is not None else None

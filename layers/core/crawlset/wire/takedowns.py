"""Takedowns on their way to be carried on, and packs to be written anew."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from crawlset.wire.record import Versioned


@dataclass(frozen=True, slots=True)
class TakedownMessage(Versioned):
    """Asks to carry on a takedown, or to rewrite one pack: exactly one of the two is named."""

    IS_SPARSE: ClassVar[bool] = True

    user_id: UUID
    takedown_id: UUID | None = None
    rewrite_id: UUID | None = None

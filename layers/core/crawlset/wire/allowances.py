"""How often a source may still be asked: what `discover` writes and the API reads."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawlset.wire.record import Versioned


@dataclass(frozen=True, slots=True)
class Allowance(Versioned):
    """Questions that a source still takes, whoever's they are, as its last answer told."""

    n_left: int
    limit: int
    """Questions in a period."""
    period_seconds: int
    seen_at: datetime

    def is_known_at(self, now: datetime) -> bool:
        """Whether it still says something; a period later all that was used has come back."""
        return now - self.seen_at < timedelta(seconds=self.period_seconds)

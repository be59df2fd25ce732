"""When the tick leaves the database alone: what it tells itself from one minute to the next."""

from dataclasses import dataclass

from crawlset.wire.record import Versioned


@dataclass(frozen=True, slots=True)
class Rest(Versioned):
    """Nothing is to be done from `since` to `until`, in Unix time, unless somebody writes."""

    since: float
    until: float

"""The header `Retry-After`."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 86_400.0
"""We ask again a day later, whatever a host wishes."""


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """
    Seconds that a `Retry-After` asks for, as a number or a date; None when it says nothing.

    More than a day is cut to a day.
    """
    value = (header or "").strip()
    if value.isdecimal():
        return min(float(value), LONGEST_SECONDS)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_SECONDS)

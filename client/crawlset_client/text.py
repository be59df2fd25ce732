"""Text from elsewhere, made safe to print, and moments in words."""

from datetime import UTC, datetime


def printable(text: object) -> str:
    """One line that cannot move the cursor, colour the terminal or hide anything."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def utc(moment: datetime) -> str:
    """A moment to the minute, with its zone."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

"""Text for people: made safe to print, with moments that name their zone and plain paths."""

from datetime import UTC, datetime
from pathlib import Path


def printable(text: object) -> str:
    """One line that cannot move the cursor, colour the terminal or hide anything."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def moment(at: datetime | str) -> str:
    """`2026-11-28 21:05 UTC`, or in the zone that it is given in: `2026-11-28 22:05 UTC+01:00`."""
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return f"{at:%Y-%m-%d %H:%M %Z}"


def plain(path: Path) -> Path:
    """The same place without `..` on the way."""
    return path.resolve() if ".." in path.parts else path

"""A moment in a request: a date, a time and a zone as text, never a number."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


def _read(value: Any) -> Any:
    """Pydantic alone would take seconds since 1970 too, which no document says."""
    if isinstance(value, int | float):
        message = "a date and time as in RFC 3339 is a text"
        raise ValueError(message)  # noqa: TRY004, what pydantic makes an error of the field
    return datetime.fromisoformat(value) if isinstance(value, str) else value


Instant = Annotated[AwareDatetime, BeforeValidator(_read)]

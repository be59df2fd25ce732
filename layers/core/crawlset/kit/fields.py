"""What requests and responses are made of: bases of their models, and fields that many have."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class RowRead(BaseModel):
    """Read from a row of a table, or from anything that has the fields as attributes."""

    model_config = ConfigDict(from_attributes=True)


def printable(text: str) -> str:
    if not text.isprintable():
        message = "holds characters that cannot be printed"
        raise ValueError(message)
    return text


def _read(value: Any) -> Any:
    """Pydantic alone would take seconds since 1970 too, which no document says."""
    if isinstance(value, int | float):
        message = "a date and time as in RFC 3339 is a text"
        raise ValueError(message)  # noqa: TRY004, what pydantic makes an error of the field
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _in_utc(instant: datetime) -> datetime:
    """
    PostgreSQL takes no offset of 16 hours or more, which RFC 3339 allows.

    MAX_TZDISP_HOUR in
    https://github.com/postgres/postgres/blob/master/src/include/datatype/timestamp.h
    """
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        message = "is not within the years 1 to 9999 in UTC"
        raise ValueError(message) from None


Instant = Annotated[AwareDatetime, BeforeValidator(_read), AfterValidator(_in_utc)]
"""A date, a time and a zone as text, never a number; in UTC once it is read."""
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]

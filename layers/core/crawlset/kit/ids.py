"""Time-ordered identifiers, made by the application so that messages can carry them."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): sorts by the millisecond it was made in."""
    return uuid7()

"""The account's log: a row for each change, in the transaction that made it."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.models import ActivityLog

_DONE = {"POST": "created", "PATCH": "updated", "DELETE": "deleted"}
_VERBS = {
    "cancel": "cancelled",
    "estimate": "",
    "recrawl": "recrawled",
    "retry": "retried",
    "start": "started",
}
"""Last parts of a path that are no resource; one without a word changes nothing."""


def note(
    session: Session, user_id: UUID, method: str, path: str, answer: Any, metadata: dict[str, Any]
) -> None:
    """Log a change that `method` made at `path`; `answer` is the resource, where there is one."""
    described = describe(method, path)
    if described is None:
        return
    resource_type, verb, named = described
    made = answer.get("id") if isinstance(answer, dict) else None
    session.add(
        ActivityLog(
            user_id=user_id,
            action=f"{resource_type}.{verb}",
            resource_type=resource_type,
            resource_id=UUID(str(made)) if made else named,
            metadata_=metadata,
        )
    )


def describe(method: str, path: str) -> tuple[str, str, UUID | None] | None:
    """
    The resource's type, what was done to it, and its id if the path names it.

    None for what changes nothing.
    """
    if method not in _DONE:
        return None
    verb = _DONE[method]
    parts = path.removeprefix("/api/").split("/")
    if parts[-1] in _VERBS:
        verb = _VERBS[parts.pop()]
        if not verb:
            return None
    named = _uuid(parts[-1])
    if named is not None:
        parts.pop()
    return re.sub(r"s$", "", parts[-1]).replace("-", "_"), verb, named


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

"""The account's log: a row for each change, in the transaction that made it."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.models import ActivityLog

_DONE = {"POST": "created", "PATCH": "updated", "DELETE": "deleted"}
_VERBS = {
    "cancel": "cancelled",
    "estimate": "",
    "preview": "",
    "recrawl": "recrawled",
    "replay": "replayed",
    "restore": "restored",
    "retry": "retried",
    "revoke": "revoked",
    "start": "started",
}
"""Last parts of a path that are no resource; one without a word changes nothing."""
_SINGULAR = {"deliveries": "webhook_delivery"}
_BY_RESOURCE = {("api_key", "deleted"): "revoked"}


def note(
    session: Session, user_id: UUID, method: str, path: str, answer: Any, metadata: dict[str, Any]
) -> None:
    """Log what `method` did at `path` to the resource named there, or to that in `answer`."""
    described = describe(method, path)
    if described is None:
        return
    resource_type, verb, named = described
    shown = answer if isinstance(answer, dict) else {}
    made = shown.get("id") or shown.get("upload_id")
    session.add(
        ActivityLog(
            user_id=user_id,
            action=f"{resource_type}.{verb}",
            resource_type=resource_type,
            resource_id=named or (UUID(str(made)) if made else None),
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
    resource_type = _SINGULAR.get(parts[-1], parts[-1].removesuffix("s").replace("-", "_"))
    return resource_type, _BY_RESOURCE.get((resource_type, verb), verb), named


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

"""Places for lists: signed for a client, or written by the service itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from sqlalchemy.orm import Session

from crawlset.accounts import quotas
from crawlset.accounts.idempotency import IdempotencyKeyReusedError
from crawlset.kit import objects
from crawlset.uploads.repository import UploadRepository
from crawlset.uploads.schemas import UploadRead
from crawlset.wire import keys

LINK_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StoredList:
    """An object below `uploads/` that a job is to read."""

    upload_id: UUID
    key: str
    n_bytes: int


def sign(
    session: Session, user_id: UUID, project_id: UUID, n_bytes: int, idempotency_key: str | None
) -> UploadRead:
    """
    Sign a link to which `n_bytes` can be PUT for an hour, and count them in the account's quota.

    With the same `idempotency_key` it is the same upload, under a new link.

    Raises:
        StoredBytesExceededError: the account has no room for them.
        IdempotencyKeyReusedError: the key came with another size or project.
    """
    repository = UploadRepository(session)
    upload_id = uuid5(user_id, idempotency_key) if idempotency_key else uuid4()
    if not repository.exists(user_id, upload_id):
        quotas.reserve_bytes(session, user_id, n_bytes)
    if not repository.sign(user_id, project_id, upload_id, n_bytes, LINK_LIFETIME):
        raise IdempotencyKeyReusedError(idempotency_key or "")
    url = objects.presign_put(keys.upload(user_id, upload_id), n_bytes, LINK_LIFETIME)
    return UploadRead(upload_id=upload_id, url=url, expires_at=datetime.now(UTC) + LINK_LIFETIME)


def store(user_id: UUID, body: bytes, content_type: str = "text/plain") -> StoredList:
    """Write a list that came in a request; `keep` is to follow."""
    upload_id = uuid4()
    key = keys.upload(user_id, upload_id)
    objects.put(key, body, content_type)
    return StoredList(upload_id, key, len(body))


def keep(session: Session, user_id: UUID, project_id: UUID, stored: Collection[StoredList]) -> None:
    """Keep lists from now on for as long as a job may read them, whoever wrote them."""
    repository = UploadRepository(session)
    kept = repository.keep_many(user_id, [each.upload_id for each in stored], project_id)
    for each in stored:
        if each.upload_id not in kept:
            repository.add_kept(user_id, project_id, each.upload_id, each.n_bytes)

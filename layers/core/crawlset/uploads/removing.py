"""Remove lists whose time is over, and objects below `uploads/` that no row owns."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from crawlset.kit import db, objects
from crawlset.observability import logger
from crawlset.uploads.repository import UploadRepository
from crawlset.wire import keys

LIMIT = 1_000
"""Uploads removed in one round; the next minute goes on."""
STRAY_GRACE = timedelta(minutes=30)
"""An object may come before its row: for as long as a request lasts, and longer by far."""
IDS_AT_ONCE = 1_000


def remove_due() -> int:
    """Forget the uploads that are due, then delete their objects; say how many."""
    with db.transaction() as session:
        due = UploadRepository(session).forget_due(LIMIT)
    objects.delete_many(keys.upload(user_id, upload_id) for user_id, upload_id in due)
    return len(due)


def remove_strays(now: datetime) -> int:
    """Delete objects without a row that are half an hour old: of what broke off beside its row."""
    n_removed = 0
    old = (key for key, at in objects.list_written(keys.UPLOADS) if at < now - STRAY_GRACE)
    for batch in batched(old, IDS_AT_ONCE):
        n_removed += objects.delete_many(_without_row(batch))
    logger.info("stray_uploads_removed", objects=n_removed)
    return n_removed


def _without_row(names: Iterable[str]) -> list[str]:
    ids = {UUID(name.rpartition("/")[2]): name for name in names}
    with db.transaction() as session:
        known = UploadRepository(session).known(ids.keys())
    return [name for id_, name in ids.items() if id_ not in known]

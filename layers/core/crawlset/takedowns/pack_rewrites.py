"""Ask for packs to be written anew, without the bytes that no image has any more."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob, PackRewrite
from crawlset.takedowns.messages import message_of
from crawlset.takedowns.pack_repository import PackRepository

LOST = timedelta(hours=2)
"""Longer than the queue hides a message from a second reader."""


def ask(
    session: Session, job: CrawlJob, pack_keys: Collection[str], takedown_id: UUID | None = None
) -> None:
    """Rewrite these packs of the locked job in the background, once the transaction is durable."""
    if takedown_id is None:
        # One that waits or runs begins afresh when it sees that images went.
        pack_keys = [key for key in pack_keys if not PackRepository(session).is_asked_for(key)]
    rewrites = [
        PackRewrite(
            id=new_id(),
            user_id=job.user_id,
            crawl_job_id=job.id,
            takedown_id=takedown_id,
            pack_key=pack_key,
            due_at=func.now() + LOST,
        )
        for pack_key in sorted(pack_keys)
    ]
    session.add_all(rewrites)
    session.flush()
    outbox.post(session, [message_of(rewrite) for rewrite in rewrites])

"""Every query about who owns packs, and about packs that are written anew."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Update, bindparam, func, literal, or_, select, union, update
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.models import UNFINISHED, Image, JobChunk, PackRewrite, TakedownImage
from crawlset.wire import keys

HOLDERS = (Image, TakedownImage)
"""Tables whose rows point into packs: images, and hidden images that may come back."""


class Ownership(NamedTuple):
    """Packs in the bucket that no row owns, and those that one may come to own."""

    unowned: frozenset[str]
    awaited: frozenset[str]


class PackRepository:
    """What rewriting a pack reads and changes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, rewrite_id: UUID) -> PackRewrite | None:
        return self.session.get(PackRewrite, rewrite_id)

    def members(self, pack_key: str) -> list[tuple[int, int]]:
        """(offset, length) of what images have in the pack, in order."""
        held = union(
            *(
                select(holder.pack_offset, holder.pack_length).where(holder.pack_key == pack_key)
                for holder in HOLDERS
            )
        )
        rows = self.session.execute(held.order_by("pack_offset"))
        return [(offset, length) for offset, length in rows if offset and length]

    def ownership(self, pack_keys: Collection[str]) -> Ownership:
        """
        Which of these packs nobody owns, and which wait.

        A pack is owned if an image has its bytes in it. It waits if its chunk has not ended, or if
        a pack of its chunk is being written anew: images may come to have their bytes in it.
        """
        held = union(
            *(
                select(holder.pack_key).where(holder.pack_key == func.any(list(pack_keys)))
                for holder in HOLDERS
            )
        )
        by_chunk = {key: keys.chunk_of_pack(key) for key in pack_keys}
        chunk_ids = list(set(by_chunk.values()))
        # Before the images are looked at: who ends a chunk or a rewrite has moved them by then.
        busy = set(
            self.session.scalars(
                select(JobChunk.id).where(
                    JobChunk.id == func.any(chunk_ids), JobChunk.status.in_(UNFINISHED)
                )
            )
        )
        job_ids = {keys.job_of_pack(key) for key in pack_keys}
        rewritten = self.session.scalars(
            select(PackRewrite.pack_key).where(PackRewrite.crawl_job_id.in_(job_ids))
        )
        busy |= {keys.chunk_of_pack(key) for key in rewritten}
        loose = set(pack_keys) - set(self.session.scalars(held))
        awaited = frozenset(key for key in loose if by_chunk[key] in busy)
        return Ownership(unowned=frozenset(loose - awaited), awaited=awaited)

    def forget(self, pack_keys: Collection[str]) -> None:
        """Chunks have these packs no more."""
        self.session.execute(
            update(JobChunk)
            .where(
                JobChunk.id == func.any([keys.chunk_of_pack(key) for key in pack_keys]),
                JobChunk.pack_key == func.any(list(pack_keys)),
            )
            .values(pack_key=None, pack_bytes=0)
            .execution_options(synchronize_session=False)
        )

    def is_asked_for(self, pack_key: str) -> bool:
        return db.exists(self.session, PackRewrite.pack_key == pack_key)

    def move(self, old_key: str, new_key: str, offsets: Mapping[int, int], pack_bytes: int) -> None:
        """Have images find their bytes in the new pack, by new offset of each old one."""
        rows = [{"b_old": old, "b_new": new} for old, new in offsets.items()]
        if rows:
            for holder in HOLDERS:
                self.session.connection().execute(_moved(holder, old_key, new_key), rows)
        self.session.execute(
            update(JobChunk)
            .where(JobChunk.id == keys.chunk_of_pack(old_key), JobChunk.pack_key == old_key)
            .values(pack_key=new_key if offsets else None, pack_bytes=pack_bytes)
            .execution_options(synchronize_session=False)
        )

    def put_off(self, rewrite: PackRewrite, wait: timedelta) -> None:
        self.session.execute(
            update(PackRewrite)
            .where(PackRewrite.id == rewrite.id)
            .values(due_at=func.now() + wait)
            .execution_options(synchronize_session=False)
        )

    def lease_due(
        self, lease: timedelta, limit: int, *, everything: bool = False
    ) -> Sequence[PackRewrite]:
        """Rewrites of any owner that are due, or `everything`; due again after `lease`."""
        due = (
            select(PackRewrite.id)
            .where(or_(PackRewrite.due_at <= func.now(), literal(everything)))
            .order_by(PackRewrite.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self.session.scalars(
            update(PackRewrite)
            .where(PackRewrite.id.in_(due.scalar_subquery()))
            .values(due_at=func.now() + lease)
            .returning(PackRewrite)
        ).all()


def _moved(holder: type[Image] | type[TakedownImage], old_key: str, new_key: str) -> Update:
    return (
        update(holder)
        .where(holder.pack_key == old_key, holder.pack_offset == bindparam("b_old"))
        .values(pack_key=new_key, pack_offset=bindparam("b_new"))
        .execution_options(synchronize_session=None)
    )

"""Every query about packs that are written anew."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Update, bindparam, func, literal, or_, select, union, update
from sqlalchemy.orm import Session

from crawlset.models import Image, JobChunk, PackRewrite, TakedownImage

HOLDERS = (Image, TakedownImage)
"""Tables whose rows point into packs: images, and hidden images that may come back."""


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

    def referenced(self, pack_keys: Collection[str]) -> set[str]:
        """Which of these packs an image has its bytes in."""
        held = (select(holder.pack_key).where(holder.pack_key.in_(pack_keys)) for holder in HOLDERS)
        return {key for key in self.session.scalars(union(*held)) if key is not None}

    def move(self, old_key: str, new_key: str, offsets: Mapping[int, int]) -> int:
        """
        Have images find their bytes in the new pack, by new offset of each old one; say how many
        still look for them in the old one.
        """
        rows = [{"b_old": old, "b_new": new} for old, new in offsets.items()]
        if rows:
            for holder in HOLDERS:
                self.session.connection().execute(_moved(holder, old_key, new_key), rows)
        self.session.execute(
            update(JobChunk)
            .where(JobChunk.pack_key == old_key)
            .values(pack_key=new_key if offsets else None)
            .execution_options(synchronize_session=False)
        )
        left = (
            select(func.count()).select_from(holder).where(holder.pack_key == old_key)
            for holder in HOLDERS
        )
        return sum(self.session.scalar(statement) or 0 for statement in left)

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

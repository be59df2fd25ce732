from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset.models import Upload

KEPT = timedelta(days=30)
"""How long a list is kept from its last use: as long as the bucket's lifecycle keeps one."""
LATE = timedelta(minutes=30)
"""How long after the end of its link what began to arrive before may still arrive."""


class UploadRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def exists(self, user_id: UUID, upload_id: UUID) -> bool:
        found = select(Upload.id).where(Upload.id == upload_id, Upload.user_id == user_id)
        return self.session.scalar(found) is not None

    def sign(
        self, user_id: UUID, project_id: UUID, upload_id: UUID, n_bytes: int, lifetime: timedelta
    ) -> bool:
        """Note a link of this `lifetime`; False if the upload is one of another size or project."""
        signed_until = func.now() + lifetime
        kept_until = signed_until + LATE
        statement = (
            insert(Upload)
            .values(
                id=upload_id,
                user_id=user_id,
                project_id=project_id,
                n_bytes=n_bytes,
                signed_until=signed_until,
                kept_until=kept_until,
            )
            .on_conflict_do_update(
                index_elements=[Upload.id],
                set_={
                    "signed_until": signed_until,
                    "kept_until": func.greatest(Upload.kept_until, kept_until),
                },
                where=(Upload.n_bytes == n_bytes) & (Upload.project_id == project_id),
            )
            .returning(Upload.id)
        )
        return self.session.scalar(statement) is not None

    def sizes(self, user_id: UUID, ids: Collection[UUID]) -> dict[UUID, int]:
        """Bytes of those of the user's uploads that there are."""
        found = select(Upload.id, Upload.n_bytes).where(
            Upload.id.in_(ids), Upload.user_id == user_id
        )
        return {row.id: row.n_bytes for row in self.session.execute(found)}

    def keep_many(self, user_id: UUID, ids: Collection[UUID], project_id: UUID) -> set[UUID]:
        """Keep these for `KEPT` from now on, for the project; give those that there are."""
        kept = self.session.scalars(
            update(Upload)
            .where(Upload.id.in_(ids), Upload.user_id == user_id)
            .values(kept_until=func.now() + KEPT, project_id=project_id)
            .returning(Upload.id)
        )
        return set(kept)

    def keep(self, user_id: UUID, upload_id: UUID) -> bool:
        """
        Keep the upload for `KEPT` from now on.

        Says whether there is one.
        """
        kept = self.session.execute(
            update(Upload)
            .where(Upload.id == upload_id, Upload.user_id == user_id)
            .values(kept_until=func.now() + KEPT)
            .returning(Upload.id)
        )
        return kept.first() is not None

    def add_kept(self, user_id: UUID, project_id: UUID, upload_id: UUID, n_bytes: int) -> None:
        self.session.execute(
            insert(Upload).values(
                id=upload_id,
                user_id=user_id,
                project_id=project_id,
                n_bytes=n_bytes,
                kept_until=func.now() + KEPT,
            )
        )

    def forget_due(self, limit: int) -> list[tuple[UUID, UUID]]:
        """
        Delete the rows of uploads whose time is over, or whose project is gone.

        Gives the user and the id of each; their objects are to be deleted.
        """
        cannot_arrive = or_(Upload.signed_until.is_(None), Upload.signed_until <= func.now() - LATE)
        due = (
            select(Upload.id)
            .where(
                or_(Upload.kept_until <= func.now(), Upload.project_id.is_(None)),
                cannot_arrive,
            )
            .order_by(Upload.kept_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        forgotten = self.session.execute(
            delete(Upload).where(Upload.id.in_(due)).returning(Upload.user_id, Upload.id)
        )
        return [(user_id, upload_id) for user_id, upload_id in forgotten]

    def known(self, ids: Collection[UUID]) -> set[UUID]:
        return set(self.session.scalars(select(Upload.id).where(Upload.id.in_(ids))))

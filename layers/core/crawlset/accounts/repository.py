from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset.models import ApiKey, Profile

LAST_USED_RESOLUTION = timedelta(minutes=5)


class AccountRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def add_profile_once(self, profile_id: UUID, email: str, name: str) -> bool:
        """Insert the profile; say whether its e-mail address was new."""
        statement = (
            insert(Profile)
            .values(id=profile_id, email=email, name=name)
            .on_conflict_do_nothing(index_elements=[Profile.email])
            .returning(Profile.id)
        )
        return self.session.scalar(statement) is not None

    def get_profile_by_email(self, email: str) -> Profile:
        return self.session.scalars(select(Profile).where(Profile.email == email)).one()

    def get_usable_key(self, prefix: str) -> ApiKey | None:
        """The key of this prefix, unless revoked or expired."""
        return self.session.scalar(
            select(ApiKey).where(
                ApiKey.prefix == prefix,
                ApiKey.revoked_at.is_(None),
                or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
            )
        )

    def note_use(self, key_id: UUID) -> None:
        """Keep when the key was last used, to five minutes: not one write a request."""
        stale = func.now() - LAST_USED_RESOLUTION
        self.session.execute(
            update(ApiKey)
            .where(
                ApiKey.id == key_id,
                or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < stale),
            )
            .values(last_used_at=func.now())
        )

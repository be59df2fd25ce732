from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from crawlset.models.base import (
    Base,
    Deletable,
    Identified,
    Owned,
    Timestamped,
    child_key,
    due_for_purge,
)


class Project(Identified, Owned, Timestamped, Deletable, Base):
    __tablename__ = "projects"
    __table_args__ = (
        child_key(),
        Index(None, "user_id"),
        Index(
            "ix_projects_user_id_name",
            "user_id",
            "name",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        due_for_purge("projects"),
    )

    name: Mapped[str]
    description: Mapped[str | None]

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from crawlset.models.base import Base, Identified, Owned, Timestamped, child_key


class Project(Identified, Owned, Timestamped, Base):
    __tablename__ = "projects"
    __table_args__ = (
        child_key(),
        Index(None, "user_id"),
        Index(None, "user_id", "name", unique=True),
    )

    name: Mapped[str]
    description: Mapped[str | None]

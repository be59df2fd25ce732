from datetime import datetime
from enum import Enum as PyEnum
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from crawlset.kit.ids import new_id


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: DateTime(timezone=True),
        str: Text,
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        PyEnum: Enum(PyEnum, native_enum=False, create_constraint=False, length=24),
    }


class Identified:
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-2)


class Owned:
    """A tenant's row: row-level security shows it to nobody else."""

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("profiles.id", ondelete="CASCADE"), sort_order=-1
    )


class Timestamped:
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=1)
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), sort_order=2
    )


class Finishing:
    """When work began and ended, by the database clock."""

    started_at: Mapped[datetime | None] = mapped_column(sort_order=3)
    finished_at: Mapped[datetime | None] = mapped_column(sort_order=4)


class Deletable:
    """
    What was deleted can be restored until `purges_at`; then the tick removes it for good.

    Row-level security hides it from the API, unless that asks for it: `db.show_deleted`.
    """

    deleted_at: Mapped[datetime | None] = mapped_column(sort_order=5)
    purges_at: Mapped[datetime | None] = mapped_column(sort_order=6)


def due_for_purge(table: str) -> Index:
    """Finds what was deleted, in the order in which it is removed."""
    return Index(
        f"ix_{table}_purges_at", "purges_at", postgresql_where=text("purges_at IS NOT NULL")
    )


class JobStatus(StrEnum):
    """States of a crawl, validation or export job."""

    pending = "pending"
    running = "running"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in {JobStatus.completed, JobStatus.failed, JobStatus.cancelled}


ACTIVE = (JobStatus.pending, JobStatus.running)


class WorkStatus(StrEnum):
    """States of the pieces of a crawl job: its searches and its chunks."""

    pending = "pending"
    queued = "queued"
    completed = "completed"
    failed = "failed"
    cancelled = "cancelled"


UNFINISHED = (WorkStatus.pending, WorkStatus.queued)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Only the members of `values` may stand in `column`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def parent(table: str, column: str) -> ForeignKeyConstraint:
    """A parent of the same owner: keys are checked past row-level security, so they carry it."""
    return ForeignKeyConstraint(
        [column, "user_id"], [f"{table}.id", f"{table}.user_id"], ondelete="CASCADE"
    )


def child_key() -> UniqueConstraint:
    """What `parent` refers to."""
    return UniqueConstraint("id", "user_id")

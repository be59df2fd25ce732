"""Every query about events and activity."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Select, String, cast, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset.kit.db import in_order
from crawlset.kit.paging import MAX_BIGINT, Order, Slice, cut
from crawlset.models import ActivityLog, CrawlJob, EventCursor, JobEvent


class EventPosition(NamedTuple):
    """Position of an event in its job's stream."""

    transaction_id: int
    id: int


OLDEST_UNDER_WAY = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), String), BigInteger)


def _after(statement: Select[JobEvent], place: EventPosition | None) -> Select[JobEvent]:
    statement = statement.where(JobEvent.transaction_id < OLDEST_UNDER_WAY)
    if place is not None:
        statement = statement.where(
            tuple_(JobEvent.transaction_id, JobEvent.id) > tuple_(place.transaction_id, place.id)
        )
    return statement.order_by(JobEvent.transaction_id, JobEvent.id)


class EventRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def list_after(
        self, job: CrawlJob, place: EventPosition | None, limit: int
    ) -> Sequence[JobEvent]:
        """
        Events in an order that stays: what a transaction still under way may add comes after.

        Ids are given before a commit, so in the order of ids alone a reader could pass over an
        event that is committed late.
        """
        statement = select(JobEvent).where(JobEvent.crawl_job_id == job.id)
        return self.session.scalars(_after(statement, place).limit(limit)).all()

    def list_of_all(self, place: EventPosition, limit: int) -> Sequence[JobEvent]:
        """List the events of all jobs and owners after a position."""
        return self.session.scalars(_after(select(JobEvent), place).limit(limit)).all()

    def now(self) -> EventPosition:
        """The place behind everything that is settled."""
        return EventPosition(
            self.session.execute(select(OLDEST_UNDER_WAY)).scalar_one() - 1, MAX_BIGINT
        )

    def position_of(self, reader: str) -> EventPosition:
        """Where a reader goes on. One that is new is told nothing of what was before it."""
        cursor = self.session.get(EventCursor, reader)
        if cursor is not None:
            return EventPosition(cursor.transaction_id, cursor.event_id)
        place = self.now()
        self.advance(reader, place)
        return place

    def advance(self, reader: str, place: EventPosition) -> None:
        moved = {"transaction_id": place.transaction_id, "event_id": place.id}
        self.session.execute(
            insert(EventCursor)
            .values(reader=reader, **moved)
            .on_conflict_do_update(index_elements=[EventCursor.reader], set_=moved)
        )


class ActivityRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def list_page(
        self,
        user_id: UUID,
        action: str | None,
        resource_type: str | None,
        after: str | None,
        limit: int,
    ) -> Slice[ActivityLog]:
        """Newest first."""
        statement = select(ActivityLog).where(ActivityLog.user_id == user_id)
        if action is not None:
            statement = statement.where(ActivityLog.action == action)
        if resource_type is not None:
            statement = statement.where(ActivityLog.resource_type == resource_type)
        statement = in_order(statement, ActivityLog.id, Order.newest, int(after) if after else None)
        rows = self.session.scalars(statement.limit(limit + 1)).all()
        return cut(rows, limit, lambda row: row.id)

"""The engine, the transaction of one invocation, and whose rows it may see."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Text,
    cast,
    create_engine,
    event,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InvalidRequestError,
    OperationalError,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Session,
    SessionTransaction,
    aliased,
)
from sqlalchemy.pool import ConnectionPoolEntry

from crawlset.errors import DatabaseAwayError, NotFoundError
from crawlset.kit import ahead, database_address
from crawlset.kit.paging import Order, Slice, cut
from crawlset.observability import logger

IDLE_SECONDS = 1.0
"""A connection that was used within this time is taken without asking whether it lives."""

MANY = {
    "enable_nestloop": "off",
    "work_mem": "64MB",
    "min_parallel_table_scan_size": "0",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
}


UNABLE = frozenset({"40001", "40P01", "53", "58", "57P01", "57P02", "57P03", "25006"})
"""
SQLSTATEs, or their classes, of what may succeed when it is tried again: the transaction gave way to
another (40), the server is out of disk, memory or connections (53), its files fail (58), it stops
or starts (57P0x), or it only reads, as a primary does that has become a replica (25006).
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


@cache
def engine() -> Engine:
    """
    One connection per execution environment: Lambda serves one request at a time.

    The driver begins no transactions: `_begin` does. Prepared statements are off because they can
    pin the connection in RDS Proxy, and no type is looked up that no table has. A connection that
    went away while it was idle is noticed when it is taken, within 4 s even if its host is gone,
    and another is made within 4 s, or not: together less than the 10 s that the gateway waits for
    the authorizer.
    """
    made = create_engine(
        database_address.database_url(),
        pool_size=1,
        max_overflow=0,
        pool_recycle=300,
        use_native_hstore=False,
        connect_args={
            "autocommit": True,
            "prepare_threshold": None,
            "connect_timeout": 4,
            "tcp_user_timeout": 4_000,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    event.listen(made, "do_connect", database_address.connect)
    event.listen(made, "checkin", _note_use)
    event.listen(made, "checkout", _replace_dead)
    return made


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    # The monotonic clock may stand still while Lambda freezes us:
    # https://github.com/hashicorp/vault-lambda-extension/pull/150.
    record.info["used_at"] = time.time()


def _replace_dead(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Have the pool make another connection if this one was idle and is dead."""
    used_at = record.info.get("used_at")
    if used_at is None or 0 <= time.time() - used_at < IDLE_SECONDS:
        return
    try:
        engine().dialect.do_ping(connection)
    except psycopg.Error as error:
        raise DisconnectionError from error


def new_session() -> Session:
    return Session(engine(), expire_on_commit=False)


@contextmanager
def transaction(user_id: UUID | None = None) -> Iterator[Session]:
    """
    Commit when the block ends, then run what waits for the commit; roll back when it raises.

    With `user_id`, of that user's rows. The database is first asked when a statement runs, so a
    block may do its slow calls before that without holding a transaction open.

    Raises:
        DatabaseAwayError: no connection could be made, or it was lost.
    """
    is_committing = False
    with new_session() as session:
        if user_id is not None:
            act_for(session, user_id)
        try:
            with session.begin():
                yield session
                session.flush()
                is_committing = True
        except DBAPIError as error:
            if not _is_away(error):
                raise
            is_told = _state(error) is not None and not error.connection_invalidated
            is_open = is_committing and not is_told
            raise DatabaseAwayError(may_have_committed=is_open) from error
        for action in session.info.pop("after_commit", ()):
            try:
                action()
            except Exception:  # noqa: BLE001 - what is committed is done, whatever follows
                logger.exception("after_commit_failed")


@contextmanager
def single_statement(user_id: UUID | None = None) -> Iterator[Session]:
    """
    Let the one statement of the block commit by itself: one round trip, where others take two.

    With `user_id`, of that user's rows. For what may be done twice: whoever is told that the
    database was away tries again.

    Raises:
        DatabaseAwayError: no connection could be made, or it was lost.
    """
    try:
        with new_session() as session:
            session.info["is_single"] = True
            if user_id is not None:
                act_for(session, user_id)
            yield session
            session.commit()
    except DBAPIError as error:
        if not _is_away(error):
            raise
        raise DatabaseAwayError(may_have_committed=False) from error


def _is_away(error: DBAPIError) -> bool:
    """Whether another try may succeed: the server was not there, or cannot work for now."""
    state = _state(error)
    if state is None:
        return error.connection_invalidated or isinstance(error, OperationalError)
    return error.connection_invalidated or state in UNABLE or state[:2] in UNABLE


def _state(error: DBAPIError) -> str | None:
    """The SQLSTATE, which only the server itself gives, while it is there."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def after_commit(session: Session, action: Callable[[], object]) -> None:
    """
    Run `action` once the transaction is durable; forget it on rollback.

    A message must never announce a row that is not there. An action that fails is logged: the
    transaction stands, so the tick must be able to make up for it.
    """
    session.info.setdefault("after_commit", []).append(action)


def act_for(session: Session, user_id: UUID) -> None:
    """From here to the end of the session, see and write this user's rows only."""
    session.info["user_id"] = str(user_id)
    _set_local(session, "app.user_id", str(user_id))


def find_and_act_for_owner(session: Session, model: Any, id_: UUID) -> Any:
    """Find the row of this id, and act for its owner from here, in one round trip."""
    owner = func.set_config("app.user_id", cast(model.user_id, Text), True)
    found = session.execute(select(model, owner).where(model.id == id_)).one_or_none()
    if found is None:
        return None
    row, session.info["user_id"] = found
    return row


def acts_for(session: Session) -> UUID | None:
    """The user whose rows only are seen and written, if there is one."""
    user_id = session.info.get("user_id")
    return None if user_id is None else UUID(user_id)


@event.listens_for(Session, "after_begin")
def _begin(session: Session, begun: SessionTransaction, connection: Connection) -> None:
    """Begin the transaction and make its settings, with its first statement."""
    if begun.nested:
        return
    session.info["has_begun"] = True
    settings = session.info.pop("settings", {})
    if "user_id" in session.info:
        settings["app.user_id"] = session.info["user_id"]
    driver: Any = connection.connection.driver_connection
    if driver.autocommit and "is_single" not in session.info:
        ahead.add(driver, "BEGIN")
    if settings:
        _make(driver, settings)


def _make(driver: Any, settings: dict[str, str]) -> None:
    """Make `settings` with the next statement, until the transaction ends."""
    calls = (
        sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings.items()
    )
    ahead.add(driver, sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)).as_string(driver))


@event.listens_for(Session, "after_transaction_end")
def _forget_begin(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info.pop("has_begun", None)


def show_deleted(session: Session) -> None:
    """From here to the end of the transaction, let the API see what is deleted and not removed."""
    _set_local(session, "app.deleted", "shown")


@contextmanager
def showing_deleted(session: Session) -> Iterator[None]:
    """
    Let the API see, and write, what was deleted and is not removed yet.

    An error ends it with the transaction.
    """
    show_deleted(session)
    yield
    session.flush()
    _set_local(session, "app.deleted", "")


def lock(session: Session, row: Any, what: str, **how: bool) -> None:
    """
    Keep others from changing `row` until the transaction ends, and see what they have changed.

    `how` is as for `with_for_update`: for an update unless it says `read` or `key_share`.

    Raises:
        NotFoundError: it was deleted meanwhile.
    """
    id_ = row.id
    try:
        session.refresh(row, with_for_update=how or True)
    except InvalidRequestError as error:
        raise NotFoundError(what, id_) from error


def insert_row[Row: DeclarativeBase](session: Session, model: type[Row], **values: Any) -> Row:
    """Insert a row, and give it as the database has it, in one round trip."""
    return session.scalars(insert(model).values(**values).returning(model)).one()


def insert_ahead(session: Session, model: type[DeclarativeBase], **values: Any) -> None:
    """Insert a row with the next statement; nobody reads what the database makes of it."""
    named = {getattr(model, name): value for name, value in values.items()}
    ahead.send(session, insert(model).values(named).inline())


def now(session: Session) -> datetime:
    """The database's clock, as it was when the transaction began."""
    began: datetime = session.execute(select(func.now())).scalar_one()
    return began


def exists(session: Session, *conditions: ColumnElement[bool]) -> bool:
    """Whether there is a row that meets all conditions."""
    return bool(session.scalar(select(select(literal(1)).where(*conditions).exists())))


def in_order[*Columns](
    statement: Select[*Columns], key: InstrumentedAttribute[Any], order: Order, after: str | None
) -> Select[*Columns]:
    """Sort by `key`, which grows with time, and go on after the row whose key is this text."""
    is_newest_first = order is Order.newest
    statement = statement.order_by(key.desc() if is_newest_first else key)
    if after is None:
        return statement
    last = key.type.python_type(after)
    return statement.where(key < last if is_newest_first else key > last)


def list_page(
    session: Session,
    statement: Select[Any],
    key: InstrumentedAttribute[Any],
    after: str | None,
    limit: int,
    order: Order = Order.newest,
) -> Slice[Any]:
    """A page of rows in the order of `key`, which grows with time, after the row of that key."""
    rows = session.scalars(in_order(statement, key, order, after).limit(limit + 1)).all()
    return cut(rows, limit, lambda row: getattr(row, key.key))


def list_page_of(
    session: Session,
    parent: Select[Any],
    statement: Select[Any],
    model: Any,
    after: str | None,
    limit: int,
    order: Order = Order.newest,
) -> Slice[Any] | None:
    """A page of rows by their id, in one statement with the row of `parent`; None without one."""
    page = in_order(statement, model.id, order, after).limit(limit + 1)
    listed = aliased(model, page.subquery())
    rows = session.execute(
        parent.add_columns(listed)
        .outerjoin(listed, true())
        .order_by(listed.id.desc() if order is Order.newest else listed.id)
    ).all()
    if not rows:
        return None
    return cut([row for *_, row in rows if row is not None], limit, lambda row: row.id)


def expect_many(session: Session) -> None:
    """
    Let the rest of the transaction join whole sets, not row by row.

    Of rows that were just written PostgreSQL has no statistics: it takes them for few, and loops.
    """
    ahead.send(
        session, select(*(func.set_config(name, value, True) for name, value in MANY.items()))
    )


def look_up(session: Session, setting: str, value: str) -> None:
    """
    Let one row be found before its owner is known: the job a message names, or the key a
    caller shows. The policies in the migration say which.
    """
    _set_local(session, f"app.{setting}", value)


def _set_local(session: Session, name: str, value: str) -> None:
    """Until the transaction ends; what is set before its first statement begins with it."""
    if "has_begun" in session.info:
        _make(session.connection().connection.driver_connection, {name: value})
    else:
        session.info.setdefault("settings", {})[name] = value

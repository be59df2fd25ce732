"""
Statements that nobody awaits: they go ahead of the next one in its message, or of the COMMIT.

A round trip takes longer than most statements. Several in one message have no parameters of their
own, so psycopg merges them, quoted: https://www.psycopg.org/psycopg3/docs/advanced/cursors.html
The server runs them in their order, each on a snapshot of its own, and none after one that fails.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
"""

from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import Connection, Engine, Executable, event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.orm import Session

IS_AHEAD = "is_ahead"

_waiting: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()
"""What goes ahead on each connection of the driver, quoted already."""


def send(session: Session, statement: Executable) -> None:
    """
    Send `statement` with the next one of the transaction, or with its COMMIT.

    For what gives nothing to read. An error of it is the next one's.
    """
    session.flush()
    session.connection().execute(statement, execution_options={IS_AHEAD: True})


def add(driver: Any, words: str) -> None:
    """Send a statement that has no parameters with the next one."""
    _waiting.setdefault(driver, []).append(words)


@event.listens_for(Engine, "do_execute")
def _execute(cursor: Any, statement: str, parameters: Any, context: ExecutionContext) -> bool:
    """Send one message, or none yet; True: it was done here."""
    driver = cursor.connection
    is_ahead = context.execution_options.get(IS_AHEAD, False)
    if not is_ahead and driver not in _waiting:
        return False
    if isinstance(cursor, psycopg.ServerCursor):
        _send_alone(driver)
        return False
    add(driver, psycopg.ClientCursor(driver).mogrify(statement, parameters))
    if not is_ahead:
        cursor.execute("; ".join(_waiting.pop(driver)))
        while cursor.nextset():
            pass
    return True


@event.listens_for(Engine, "do_executemany")
def _execute_many(cursor: Any, statement: str, parameters: Any, context: ExecutionContext) -> None:
    del statement, parameters, context
    _send_alone(cursor.connection)


def _send_alone(driver: Any) -> None:
    if words := _waiting.pop(driver, None):
        driver.execute("; ".join(words))


@event.listens_for(Engine, "commit")
def _commit(connection: Connection) -> None:
    """
    Send what is left with a COMMIT, after which the driver sends none.

    A transaction that the driver has begun it also ends.
    """
    driver: Any = connection.connection.driver_connection
    if words := _waiting.pop(driver, None):
        text = "; ".join([*words, "COMMIT"] if driver.autocommit else words)
        connection.exec_driver_sql(text, execution_options={"no_parameters": True}).close()


@event.listens_for(Engine, "rollback")
@event.listens_for(Engine, "rollback_savepoint")
def _forget(connection: Connection, *_: Any) -> None:
    if not connection.invalidated:
        _waiting.pop(connection.connection.driver_connection, None)

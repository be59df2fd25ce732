"""Rows that are sent at once are written as one update a row would write them."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Text, bindparam, cast, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crawlset.kit.recordset import recordset
from crawlset.models import Base
from crawlset.outcomes import Change, ImageStatus, Outcome
from tests import factories

IMAGES = Base.metadata.tables["images"]
PLAIN = {
    "status": ImageStatus.failed,
    "outcome": Outcome.decode_crash,
    "detail": None,
    "columns": None,
    "sha256": None,
    "phash": None,
    "phashes": None,
    "n_retries": 0,
    "width": None,
    "change": None,
    "checked_at": None,
}
"""What is written of an image; null wherever it may be."""
ODD: list[dict[str, Any]] = [
    {},
    {"detail": ""},
    {"detail": "NULL"},
    {"detail": 'a "quoted", {braced} \\ thing\n\t\u202e😀'},
    {"columns": {}},
    {
        "columns": {
            "é": "😀",
            "none": None,
            "list": [1, 'x\\"y,{}'],
            "large": 10**30,
            "tiny": 1e-300,
        }
    },
    {"sha256": b""},
    {"sha256": b"\x00\xff\\x"},
    {"phash": -(2**63)},
    {"phashes": []},
    {"phashes": [2**63 - 1, -(2**63), 0]},
    {"phashes": [1, None]},
    {"n_retries": -(2**15)},
    {"width": 2**31 - 1},
    {"change": Change.gone},
    {"checked_at": datetime(1, 1, 1, tzinfo=UTC)},
    {"checked_at": datetime(2026, 11, 30, 12, 0, 0, 123_456, tzinfo=UTC)},
]
REFUSED = [
    {"detail": "a\0b"},
    {"columns": {"a": "\0"}},
    {"columns": {"a": "\ud800"}},
    {"columns": {"a": math.nan}},
    {"phash": 2**63},
    {"phashes": [2**63]},
    {"n_retries": 2**15},
    {"outcome": "nonsense"},
]


@pytest.fixture
def ids(session: Session) -> list[int]:
    project = factories.create_project(session, factories.create_profile(session))
    chunk = factories.create_chunk(session, factories.create_crawl_job(session, project))
    return [factories.create_image(session, chunk, status=ImageStatus.pending).id for _ in ODD]


def write_singly(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in PLAIN}
    statement = update(IMAGES).where(IMAGES.c.id == bindparam("new_id")).values(values)
    connection.execute(statement, [{f"new_{name}": row[name] for name in row} for row in rows])


def write_at_once(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    given = recordset(IMAGES, rows)
    values = {name: given[name] for name in PLAIN}
    connection.execute(update(IMAGES).where(IMAGES.c.id == given["id"]).values(values))


def written(connection: Connection) -> list[Any]:
    columns = (cast(IMAGES.c[name], Text) for name in PLAIN)
    return [*connection.execute(select(*columns).order_by(IMAGES.c.id))]


class TestRecordset:
    def test_writes_odd_values_as_single_updates_do(self, session: Session, ids: list[int]) -> None:
        connection = session.connection()
        rows = [{"id": id_} | PLAIN | odd for id_, odd in zip(ids, ODD, strict=True)]
        with connection.begin_nested() as savepoint:
            write_singly(connection, rows)
            singly = written(connection)
            savepoint.rollback()

        write_at_once(connection, rows)

        assert written(connection) == singly

    @pytest.mark.parametrize("value", REFUSED, ids=str)
    def test_writes_no_row_when_one_cannot_be_written(
        self, session: Session, ids: list[int], value: dict[str, Any]
    ) -> None:
        connection = session.connection()
        before = written(connection)
        rows = [{"id": ids[0]} | PLAIN, {"id": ids[1]} | PLAIN | value]

        with pytest.raises(DBAPIError), connection.begin_nested():
            write_at_once(connection, rows)

        assert written(connection) == before

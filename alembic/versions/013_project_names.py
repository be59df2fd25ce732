"""project names are unique in an account

Revision: 013
Revises: 011

Of several projects with one name the oldest keeps it; a later one becomes `name (2)`, or the next
number that is free. A double that is made meanwhile breaks the build of the index: run it again.
Code from before this answers 500 to a name that is taken, and makes nothing.
"""

import uuid
from collections.abc import Iterator
from itertools import count

import sqlalchemy as sa
from alembic import op

revision = "013"
down_revision = "011"
branch_labels = None
depends_on = None

INDEX = "ix_projects_user_id_name"
MAX_LENGTH = 200
"""The longest name that the API takes."""


def upgrade() -> None:
    # Of every tenant, which forced row-level security would hide from the owner as well.
    op.execute("ALTER TABLE projects NO FORCE ROW LEVEL SECURITY")  # locks the table, too
    rename_doubles()
    op.execute("ALTER TABLE projects FORCE ROW LEVEL SECURITY")
    with op.get_context().autocommit_block():
        # A build that broke off, as a double made meanwhile breaks it, leaves an invalid index.
        op.drop_index(op.f(INDEX), "projects", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            op.f(INDEX), "projects", ["user_id", "name"], unique=True, postgresql_concurrently=True
        )


def downgrade() -> None:
    op.drop_index(op.f(INDEX), "projects")


def rename_doubles() -> None:
    connection = op.get_bind()
    doubles = connection.execute(
        sa.text("""
            SELECT id, user_id, name FROM (
                SELECT *, row_number() OVER (PARTITION BY user_id, name ORDER BY id) AS place
                FROM projects
            ) AS numbered
            WHERE place > 1
            ORDER BY id
        """)
    ).all()
    taken: dict[uuid.UUID, set[str]] = {}
    numbers: dict[tuple[uuid.UUID, str], Iterator[int]] = {}
    for id_, user_id, name in doubles:
        if user_id not in taken:
            names = sa.text("SELECT name FROM projects WHERE user_id = :user_id")
            taken[user_id] = set(connection.scalars(names, {"user_id": user_id}))
        free = next(
            numbered
            for n in numbers.setdefault((user_id, name), count(2))
            if (numbered := with_number(name, n)) not in taken[user_id]
        )
        taken[user_id].add(free)
        rename = sa.text("UPDATE projects SET name = :name WHERE id = :id")
        connection.execute(rename, {"name": free, "id": id_})


def with_number(name: str, n: int) -> str:
    suffix = f" ({n})"
    return name[: MAX_LENGTH - len(suffix)] + suffix

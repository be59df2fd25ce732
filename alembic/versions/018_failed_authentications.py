"""failed authentications are counted by address

Revision: 018
Revises: 017

Code from before this counts none. The table is unlogged: after a crash it is empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "018"
down_revision = "017"
branch_labels = None
depends_on = None

TABLE = "failed_authentications"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n_failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_failed_authentications")),
        prefixes=["UNLOGGED"],
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO crawlset_api")
    op.execute(f"GRANT SELECT, DELETE ON {TABLE} TO crawlset_tick")


def downgrade() -> None:
    op.drop_table(TABLE)

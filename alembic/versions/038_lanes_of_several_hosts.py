"""lanes of several hosts

Revision: 038
Revises: 037

Code from before this gives every host lanes of its own: until its chunks are done, a host may be
asked in those and in shared ones.
"""

import sqlalchemy as sa
from alembic import op

revision = "038"
down_revision = "037"
branch_labels = None
depends_on = None

TABLE = "lane_hosts"
ROLES = ("crawlset_api", "crawlset_worker", "crawlset_tick")


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_lane_hosts")),
    )
    op.create_index(op.f("ix_lane_hosts_lead"), TABLE, ["lead"])
    for role in ROLES:
        op.execute(f"GRANT SELECT, INSERT ON {TABLE} TO {role}")


def downgrade() -> None:
    op.drop_table(TABLE)

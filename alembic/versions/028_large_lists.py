"""a search says how much of its list has been read, and which of its files could not be

Revision: 028
Revises: 027

Code from before this leaves the columns as they are. Accounts made from now on may have jobs of ten
million images; the quota of others stays.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "028"
down_revision = "027"
branch_labels = None
depends_on = None

COUNTS = {"n_rows_read": sa.BigInteger(), "bytes_read": sa.BigInteger(), "n_unread": sa.Integer()}
WHERE_KNOWN = {"bytes_total": sa.BigInteger(), "unread_lists": postgresql.JSONB()}


def upgrade() -> None:
    for name, type_ in COUNTS.items():
        op.add_column("job_searches", sa.Column(name, type_, nullable=False, server_default="0"))
    for name, type_ in WHERE_KNOWN.items():
        op.add_column("job_searches", sa.Column(name, type_))
    op.alter_column("profiles", "max_images_per_job", server_default="10000000")


def downgrade() -> None:
    op.alter_column("profiles", "max_images_per_job", server_default="1000000")
    for name in (*COUNTS, *WHERE_KNOWN):
        op.drop_column("job_searches", name)

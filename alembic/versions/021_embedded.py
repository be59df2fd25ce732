"""what a file says about itself is kept, and goes with the image when it is taken down

Revision: 021
Revises: 020

Code from before this settles images without saying so, and brings hidden images back without it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "021"
down_revision = "020"
branch_labels = None
depends_on = None

TABLES = ("images", "takedown_images")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("embedded", JSONB(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "embedded")

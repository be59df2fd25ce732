"""images have signatures: small pictures by which near duplicates are looked at a second time

Revision: 030
Revises: 028

Code from before this writes images without them: they are compared by their hashes alone.
Stored as they are, beside the row: they do not compress, and hardly anybody reads them.
"""

import sqlalchemy as sa
from alembic import op

revision = "030"
down_revision = "028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("signature", sa.LargeBinary()))
    op.execute("ALTER TABLE images ALTER COLUMN signature SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_column("images", "signature")

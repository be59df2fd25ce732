"""a validation warns of what its owner should look at

Revision: 031
Revises: 027

Code from before this completes validations without warnings.
"""

import sqlalchemy as sa
from alembic import op

revision = "031"
down_revision = "027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "validation_jobs",
        sa.Column("warnings", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )

    op.add_column("images", sa.Column("signature", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("images", "signature")
    op.drop_column("validation_jobs", "warnings")

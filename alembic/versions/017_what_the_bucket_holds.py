"""sizes of packs; the files of exports that ended badly are removed

Revision: 017
Revises: 016

Packs whose size is 0, of before this or of code from before, count as the pictures in them.
"""

import sqlalchemy as sa
from alembic import op

revision = "017"
down_revision = "016"
branch_labels = None
depends_on = None

TRIGGER = "remove_folder_of_ended"


def upgrade() -> None:
    op.add_column(
        "job_chunks",
        sa.Column("pack_bytes", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.execute(
        f"CREATE TRIGGER {TRIGGER} AFTER UPDATE OF status ON export_jobs "
        "FOR EACH ROW WHEN (NEW.status IN ('failed', 'cancelled') "
        "AND NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION remove_folder('exports')"
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER {TRIGGER} ON export_jobs")
    op.drop_column("job_chunks", "pack_bytes")

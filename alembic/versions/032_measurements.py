"""images have what measurers made of them, until they are not stored any more

Revision: 032
Revises: 031

Code from before this changes images without it: a trigger forgets what is not true any more.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "032"
down_revision = "031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("measurements", JSONB(), nullable=True))
    op.execute(
        "CREATE FUNCTION forget_measurements() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN NEW.measurements := NULL; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER forget_measurements BEFORE UPDATE OF status ON images FOR EACH ROW "
        "WHEN (OLD.measurements IS NOT NULL AND NEW.status <> 'stored') "
        "EXECUTE FUNCTION forget_measurements()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER forget_measurements ON images")
    op.execute("DROP FUNCTION forget_measurements()")
    op.drop_column("images", "measurements")

"""policies of images and verdicts read the tenant once a statement, not once a row

Revision: 036
Revises: 032

A function in a policy is called for each row; in a sub-select it is called once. Over a hundred
thousand rows that was a fifth of the time of a validation.
https://www.postgresql.org/docs/current/sql-createpolicy.html has expressions evaluated for each row.
"""

from alembic import op

revision = "036"
down_revision = "032"
branch_labels = None
depends_on = None

TABLES = ("images", "image_verdicts")


def upgrade() -> None:
    _alter("(SELECT app_user_id())")


def downgrade() -> None:
    _alter("app_user_id()")


def _alter(tenant: str) -> None:
    for table in TABLES:
        op.execute(
            f"ALTER POLICY tenant ON {table} USING (user_id = {tenant}) "
            f"WITH CHECK (user_id = {tenant})"
        )

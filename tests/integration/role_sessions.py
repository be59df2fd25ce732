"""Sessions as functions open them, on a connection whose work a test rolls back."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session


def sessions_on(connection: Connection, roles: Sequence[str]) -> Callable[[], Session]:
    """Make sessions in the last of `roles`, as nobody yet; what they commit is a savepoint."""

    class RoleSession(Session):
        def close(self) -> None:
            super().close()
            connection.execute(text("RESET ROLE"))

    def new_session() -> Session:
        for setting in ("app.user_id", "app.job_id", "app.key_prefix", "app.deleted"):
            connection.execute(text("SELECT set_config(:name, '', true)"), {"name": setting})
        connection.execute(text(f"SET LOCAL ROLE {roles[-1]}"))
        return RoleSession(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        )

    return new_session

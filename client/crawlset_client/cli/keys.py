"""`crawlset keys`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.api.account import ApiKey
from crawlset_client.cli.completion import complete_keys
from crawlset_client.cli.running import AsJson, Yes, confirm_deletion, running
from crawlset_client.errors import UsageError
from crawlset_client.lookup import full_id, may_be_id
from crawlset_client.output import table

app = typer.Typer(name="keys", help="API keys: what opens your account.", no_args_is_help=True)

MAX_DAYS = 36_500


class Scope(StrEnum):
    read = "read"
    write = "write"
    admin = "admin"


@app.command("list")
def list_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List your API keys, newest first, with those that were revoked."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        keys = list(crawlset.keys.list())
        document = {"items": [key.document for key in keys]}
        run.output.result(document, lambda console: draw_keys(console, keys))


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it opens; can be repeated. read and write if not given."),
    ] = None,
    expires_in_days: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_DAYS, metavar="N", help="It does not expire if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key, which is shown this once."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        expires_at = None
        if expires_in_days is not None:
            expires_at = datetime.now(UTC) + timedelta(days=expires_in_days)
        made = crawlset.keys.create(name, scope or [Scope.read, Scope.write], expires_at=expires_at)
        run.output.note(f"Key {made.id}. Keep it now: it is not shown again.")
        run.output.result(
            made.document,
            lambda console: console.print(made.key, soft_wrap=True),
        )


@app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="`crawlset keys list` shows it.", autocompletion=complete_keys
        ),
    ],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a key open nothing any more, within a minute; this cannot be taken back."""
    with running(context, as_json=as_json) as run:
        if not may_be_id(key_id):
            raise UsageError("Give the id of the key, not the key; `crawlset keys list` shows it.")
        with run.connect() as crawlset:
            meant = full_id(key_id, crawlset.keys.list(), "API key", "crawlset keys list")
            confirm_deletion(f"API key {meant}", yes=yes, verb="revoke")
            crawlset.keys.revoke(meant)
        run.output.result({"revoked": meant}, lambda console: console.print(f"revoked {meant}"))


def draw_keys(console: Console, keys: Sequence[ApiKey]) -> None:
    now = datetime.now(UTC)
    rows = [
        (
            key.id,
            key.name,
            f"cs_{key.prefix}",
            ", ".join(key.scopes),
            _state(key, now),
            _day(key.last_used_at),
        )
        for key in keys
    ]
    table(console, ("id", "name", "begins", "scopes", "state", "last used"), rows)


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "usable"
    word = "expired" if key.expires_at <= now else "usable until"
    return f"{word} {_day(key.expires_at)}"


def _day(moment: datetime | None) -> str | None:
    return str(moment)[:10] if moment is not None else None

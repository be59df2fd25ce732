"""`crawlset config`."""

import os
from typing import Any

import typer
from rich.console import Console

from crawlset_client.cli.running import AsJson, running
from crawlset_client.config import config_file
from crawlset_client.errors import ConfigError
from crawlset_client.output import table

app = typer.Typer(
    name="config", help="The settings in use, and where they come from.", no_args_is_help=False
)

SHOWN = 6
"""Characters of a key that tell it from others and open nothing."""


@app.callback(invoke_without_command=True)
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Show every setting and where it comes from."""
    if context.invoked_subcommand is not None:
        return
    with running(context, as_json=as_json) as run:
        config = run.config
        settings = {
            name: {
                "value": masked(setting.value) if name == "api_key" else setting.value,
                "origin": setting.origin,
            }
            for name, setting in config.settings.items()
        }
        document = {
            "settings": settings,
            "home": str(config.home),
            "file": str(config.file) if config.file else None,
            "file_exists": config.file is not None and config.file.is_file(),
        }
        run.output.result(document, lambda console: draw(console, document))


@app.command()
def path(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print where your own settings are looked for."""
    with running(context, as_json=as_json) as run:
        file = config_file(os.environ)
        if file is None:
            raise ConfigError("There is no place for settings: neither HOME nor XDG_CONFIG_HOME.")
        run.output.result({"file": str(file)}, lambda console: console.print(file, soft_wrap=True))


def masked(key: str | None) -> str | None:
    if key is None:
        return None
    return f"{key[:SHOWN]}…" if len(key) > 2 * SHOWN else "…"


def draw(console: Console, document: dict[str, Any]) -> None:
    rows = [
        (name, setting["value"], setting["origin"])
        for name, setting in document["settings"].items()
    ]
    table(console, ("setting", "value", "from"), rows)
    console.print(f"home  {document['home']}", soft_wrap=True)
    there = "" if document["file_exists"] else " (not there)"
    console.print(f"file  {document['file']}{there}", soft_wrap=True)

"""The `crawlset` command."""

import sys
from typing import Annotated

import typer

from crawlset_client import __version__
from crawlset_client.cli.lazy import LazyGroup
from crawlset_client.cli.quiet import Quiet

EPILOG = """
\b
Exit codes: 0 done, 1 failed, 2 wrong use, 3 the service does not answer or is
busy, 4 it refused, 5 a job failed or was cancelled, 6 counts or files do not
add up, 70 a defect of this command, 130 Ctrl-C.
"""

app = typer.Typer(
    name="crawlset",
    cls=LazyGroup,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if is_asked:
        typer.echo(f"crawlset {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Keywords or URL lists in, a licence-checked image dataset out."""


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app(prog_name="crawlset")

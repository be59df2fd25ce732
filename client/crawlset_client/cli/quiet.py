"""`--quiet`, which every command takes, before its name or after it."""

from typing import Annotated

import typer

META = "crawlset.is_quiet"
"""Where all contexts of one command line keep it."""


def _be_quiet(context: typer.Context, is_asked: bool) -> bool:  # noqa: FBT001 - as Typer calls it
    if is_asked:
        context.meta[META] = True
    return is_asked


Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        callback=_be_quiet,
        expose_value=False,
        help="Print results and errors only: no progress, no notes.",
    ),
]


def is_quiet(context: typer.Context) -> bool:
    return bool(context.meta.get(META))

"""`--quiet`, which every command takes, before its name or after it."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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


class Commands(TyperGroup):
    """All commands; each is given the option `--quiet` of the whole."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        quiet = [option for option in self.params if option.name == "quiet"]
        for command in _below(self):
            command.params = [*command.params, *quiet]


def _below(group: TyperGroup) -> Iterator[Any]:
    for command in group.commands.values():
        yield command
        if isinstance(command, TyperGroup):
            yield from _below(command)

"""The tree of `crawlset`'s commands, as Typer builds it."""

from collections.abc import Iterator, Sequence
from typing import Any

from typer.main import get_command

from crawlset_client.cli import app
from crawlset_client.cli.lazy import LazyGroup


def below(group: Any) -> dict[str, Any]:
    """The commands of a group, by their names; none of a command that is no group."""
    names = vars(group).get("commands", {})
    return {name: _load(group, name) for name in names}


def all_commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    yield from _below(get_command(app), ())


def command_at(words: Sequence[str]) -> tuple[Any, Sequence[str]]:
    """The command that a line calls, and what of the line is left for it."""
    command: Any = get_command(app)
    for n, word in enumerate(words):
        if word not in below(command):
            return command, words[n:]
        command = below(command)[word]
    return command, ()


def _load(group: Any, name: str) -> Any:
    return group.load(name) if isinstance(group, LazyGroup) else group.commands[name]


def _below(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if path and (not below(group) or group.invoke_without_command):
        yield " ".join(path), group
    for name, command in below(group).items():
        yield from _below(command, (*path, name))

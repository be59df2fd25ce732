"""The group of all commands, which imports the module of a command only when it is called."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

MODULES = {
    "up": ("cloud", "Run the whole system on this machine until Ctrl-C."),
    "demo": ("cloud", "Make a dataset from the sample site, and check every count."),
    "crawl": ("crawl", "Crawl images by keywords or from a list of URLs."),
    "images": ("images", "List the candidates of a crawl job and what became of them."),
    "find": ("find", "Find stored images of a crawl job by a text, or by another image."),
    "validate": ("validate", "Judge the stored images of a completed crawl job."),
    "report": ("validate", "Write what a validation found as one HTML page with pictures."),
    "export": ("export", "Export a completed crawl job into a directory."),
    "diff": ("export", "Tell what has changed from one export to another."),
    "sources": ("sources", "List the sources and what each permits."),
    "check-url": ("sources", "Say whether the crawler would open a URL; asks no network."),
    "provenance": (
        "rights",
        "Show where an image comes from, what was said about using it, and what decided.",
    ),
    "summary": (
        "rights",
        "Print sections 2.3 and 3.1 of the EU's summary of training content, in Markdown.",
    ),
    "migrate-datasets": (
        "migrate",
        "Move old datasets: each becomes a project with a crawl job, which starts.",
    ),
    "doctor": ("diagnosis", "Look for what is wrong here, and say how to mend it."),
    "du": ("disk", "Show what the laptop's cloud takes on the disk, by part and by job."),
    "gc": ("disk", "List what the laptop's cloud has left behind, and remove it with --yes."),
    "jobs": ("jobs", "Crawl jobs."),
    "projects": ("projects", "Projects: what jobs are kept in."),
    "templates": ("templates", "Job templates: crawls to start again."),
    "schedules": ("schedules", "Schedules: templates started by the clock."),
    "webhooks": ("webhooks", "Webhooks: servers that are told of events."),
    "hosts": ("hosts", "Hosts of your own, which may be asked faster."),
    "takedowns": ("takedowns", "Takedowns: images hidden, then removed for good."),
    "keys": ("keys", "API keys: what opens your account."),
    "config": ("configuring", "The settings in use, and where they come from."),
}
"""Each command's module, and the first paragraph of its help, which the list of commands shows."""


class LazyGroup(TyperGroup):
    """All commands; each is given the option `--quiet` of the whole."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        for name, (_, help_) in MODULES.items():
            self.add_command(TyperCommand(name, help=help_, rich_markup_mode=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name else None, rest

    def load(self, name: str) -> Any:
        """Import and build the command that is listed as `name`."""
        module = import_module(f"crawlset_client.cli.{MODULES[name][0]}")
        holder = typer.Typer(rich_markup_mode=None)
        holder.add_typer(module.app)
        command = get_group(holder).commands[name]
        quiet = [option for option in self.params if option.name == "quiet"]
        for one in (command, *_below(command)):
            one.params = [*one.params, *quiet]
        return command


def _below(command: Any) -> Iterator[Any]:
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            yield one
            yield from _below(one)

"""What every command shares: its surroundings, its output, and how it ends when something fails."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crawlset_client.api import Crawlset
from crawlset_client.cli.completion import complete_projects
from crawlset_client.cli.quiet import is_quiet
from crawlset_client.config import Config, load_config, working_directory
from crawlset_client.display import open_display, open_transfer
from crawlset_client.errors import (
    CrawlsetError,
    SystemRefusedError,
    UsageError,
    WatchInterruptedError,
)
from crawlset_client.laptop import Laptop, ThisLaptop
from crawlset_client.models import CrawlJob, Project
from crawlset_client.output import Output
from crawlset_client.progress import Display
from crawlset_client.text import moment
from crawlset_client.transfers import Advance
from crawlset_client.unexpected import unexpected

if TYPE_CHECKING:
    import httpx


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
InProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="NAME|ID",
        help="The project; looked for if not given.",
        autocompletion=complete_projects,
    ),
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
GraceHours = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=720,
        metavar="N",
        help="How long it can be restored; 0: not at all. 24 if not given.",
    ),
]
Deleted = Annotated[
    bool, typer.Option("--deleted", help="Only those that were deleted and can be restored.")
]


@dataclass(frozen=True)
class Outside:
    """The world that commands act on; given as the context's object where it is another."""

    transport: "httpx.BaseTransport | None" = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    laptop: Laptop = field(default_factory=ThisLaptop)


class Run:
    """One command under way."""

    def __init__(self, outside: Outside, output: Output) -> None:
        self.outside = outside
        self.output = output

    @cached_property
    def config(self) -> Config:
        return load_config(os.environ, working_directory())

    def project(self, named: str | None) -> str:
        """The project that a command is told of, or else the configured one."""
        return named or self.config.project

    def connect(self) -> Crawlset:
        """The configured service."""
        return self.connect_to(self.config.api_url, self.config.api_key)

    def connect_to(self, api_url: str, api_key: str | None) -> Crawlset:
        return Crawlset(
            api_url,
            api_key,
            transport=self.outside.transport,
            sleep=self.outside.sleep,
        )

    def display(self) -> AbstractContextManager[Display]:
        return open_display(self.output.messages, self.outside.clock)

    def transfer(self, label: str, n_bytes: int) -> AbstractContextManager[Advance]:
        return open_transfer(self.output.messages, label, n_bytes, self.outside.clock)


def confirm_deletion(what: str, *, yes: bool, verb: str = "delete", is_final: bool = True) -> None:
    """Ask, unless told not to. Raises `UsageError` where nobody can answer."""
    if yes:
        return
    question = f"{verb} {what}" + (" for good" if is_final else "")
    if not sys.stdin.isatty():
        raise UsageError(f"Give --yes to {question}.")
    typer.confirm(f"{question[0].upper()}{question[1:]}?", abort=True, err=True)


def say_deleted(run: Run, deleted: Project | CrawlJob, restore: str) -> None:
    """Tell until when `restore`, a command, takes the deletion back."""
    document = deleted.document
    is_final = deleted.purges_at is None or deleted.purges_at == deleted.deleted_at
    after = "its bytes are removed within minutes"
    if deleted.purges_at is not None and not is_final:
        until = moment(deleted.purges_at)
        after = f"`{restore} {deleted.id}` takes it back until {until}, then its bytes are removed"
    run.output.result(
        {"deleted": deleted.id, "purges_at": document.get("purges_at")},
        lambda console: console.print(f"deleted {deleted.id}; {after}", soft_wrap=True),
    )


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file, of `what`. Raises `UsageError` for one that holds none."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise UsageError(f"{path} holds no JSON object of {what}.")
    return given


@contextmanager
def running(context: typer.Context, *, as_json: bool) -> Iterator[Run]:
    """
    Run a command: its errors become one line and an exit code.

    Ctrl-C ends it with 130, a defect of its own with 70.
    """
    outside = context.find_object(Outside) or Outside()
    output = Output(as_json=as_json, is_quiet=is_quiet(context))
    try:
        yield Run(outside, output)
    except CrawlsetError as error:
        output.error(error)
        raise typer.Exit(int(error.exit_code)) from None
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        place = f"{error.filename}: " if error.filename else ""
        output.error(SystemRefusedError(f"{place}{error.strerror or error}."))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        output.error(WatchInterruptedError("Interrupted."))
        raise typer.Exit(WatchInterruptedError.exit_code) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # noqa: BLE001 - what nobody expected is told in one line as well
        defect = unexpected(error)
        output.error(defect)
        raise typer.Exit(defect.exit_code) from None

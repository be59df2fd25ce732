"""`crawlset du` and `crawlset gc`."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from crawlset_client.cli.cloud import DatabaseUrl, Home
from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.config import find_home, working_directory
from crawlset_client.errors import CrawlsetError, MissingPartError, SystemRefusedError
from crawlset_client.leftovers import find_leftovers
from crawlset_client.output import table
from crawlset_client.progress import size

if TYPE_CHECKING:
    from crawlset_local.disk import Size
    from crawlset_local.garbage import Garbage

LARGEST = 20
"""Jobs and exports that are drawn; JSON has all."""

app = typer.Typer()


@app.command()
def du(context: typer.Context, *, home: Home = None, as_json: AsJson = False) -> None:
    """Show what the laptop's cloud takes on the disk, by part and by job."""
    with running(context, as_json=as_json) as run:
        try:
            from crawlset_local.disk import measure  # noqa: PLC0415 - not always installed
            from crawlset_local.inspection import room_for  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingPartError(error.name or "crawlset_local") from error

        place = (home or find_home(os.environ, working_directory())).resolve()
        usage = measure(place)
        names = _names(run)
        document = {
            "home": str(place),
            "bytes": usage.total,
            "free_bytes": room_for(place).free_bytes,
            "parts": {name: _document(part) for name, part in usage.parts.items()},
            "owners": [
                {"kind": kind, "id": id_, "name": names.get(id_), **_document(taken)}
                for (kind, id_), taken in sorted(
                    usage.owners.items(), key=lambda item: item[1].n_bytes, reverse=True
                )
            ],
        }
        run.output.result(document, lambda console: draw_usage(console, document))


@app.command()
def gc(
    context: typer.Context,
    *,
    home: Home = None,
    database_url: DatabaseUrl = None,
    datasets: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Where exports were put; can be repeated. Here and `datasets` if not given.",
        ),
    ] = None,
    lost_databases: Annotated[
        bool,
        typer.Option(
            "--lost-databases",
            help="Also databases kept outside of a home that is gone, and programs of other"
            " versions. A home that was moved must have been started since.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; else it is only listed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what the laptop's cloud has left behind, and remove it with --yes."""
    with running(context, as_json=as_json) as run:
        try:
            from crawlset_local.garbage import OUTSIDE, surveyed  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingPartError(error.name or "crawlset_local") from error
        place = (home or find_home(os.environ, working_directory())).resolve()
        with surveyed(place, database_url) as survey:
            found = [
                garbage
                for garbage in survey.garbage
                if lost_databases or garbage.kind not in OUTSIDE
            ]
            found += find_leftovers(datasets or [Path(), Path("datasets")])
            removed, problems = _remove(found) if yes else ([], [])
        for note in survey.notes:
            run.output.note(note)
        document = {
            "home": str(place),
            "garbage": [_item(garbage, is_removed=garbage in removed) for garbage in found],
            "bytes": sum(garbage.n_bytes for garbage in found),
            "removed_bytes": sum(garbage.n_bytes for garbage in removed),
            "notes": list(survey.notes),
        }
        if problems:
            refused = SystemRefusedError(f"Not removed: {'; '.join(problems)}.")
            refused.subject = document
            raise refused
        run.output.result(document, lambda console: draw_garbage(console, document, yes=yes))


def draw_usage(console: Console, document: dict[str, Any]) -> None:
    parts = sorted(document["parts"].items(), key=lambda part: -part[1]["bytes"])
    rows = [(name, size(part["bytes"]), part["files"]) for name, part in parts]
    table(console, ("part", "size", "files"), rows)
    owners = document["owners"]
    if owners:
        shown = owners[:LARGEST]
        taken = [
            (owner["kind"].replace("_", " "), owner["id"], owner["name"], size(owner["bytes"]))
            for owner in shown
        ]
        table(console, ("of", "id", "name", "size"), taken)
        if len(owners) > len(shown):
            console.print(f"and {len(owners) - len(shown)} more; --json lists all")
    total, free = size(document["bytes"]), size(document["free_bytes"])
    console.print(f"{total} in {document['home']}, {free} free on its disk", soft_wrap=True)


def draw_garbage(console: Console, document: dict[str, Any], *, yes: bool) -> None:
    items = document["garbage"]
    if not items:
        console.print("Found nothing to remove.")
        return
    rows = [(item["kind"], item["what"], size(item["bytes"])) for item in items]
    table(console, ("kind", "what", "size"), rows)
    if yes:
        console.print(f"Removed {size(document['removed_bytes'])}.")
    else:
        console.print(f"{size(document['bytes'])} can go: `crawlset gc --yes` removes it.")


def _remove(found: "list[Garbage]") -> "tuple[list[Garbage], list[str]]":
    """What was removed, and of the rest why it was not."""
    from crawlset_local.garbage import remove  # noqa: PLC0415

    removed, problems = [], []
    for garbage in found:
        try:
            remove(garbage)
        except OSError as error:
            problems.append(f"{error.filename or garbage.what}: {error.strerror}")
        else:
            removed.append(garbage)
    return removed, problems


def _item(garbage: "Garbage", *, is_removed: bool) -> dict[str, Any]:
    return {
        "kind": garbage.kind,
        "what": garbage.what,
        "paths": [str(path) for path in garbage.paths],
        "bytes": garbage.n_bytes,
        "removed": is_removed,
    }


def _document(taken: "Size") -> dict[str, int]:
    return {"bytes": taken.n_bytes, "files": taken.n_files}


def _names(run: Run) -> dict[str, str]:
    """Names of jobs, and of exports by their jobs, as far as the service tells them."""
    names: dict[str, str] = {}
    with suppress(CrawlsetError), run.connect() as crawlset:
        if run.config.api_key is None or not crawlset.is_up():
            return names
        for project in crawlset.projects.list():
            for job in crawlset.jobs.list(project.id):
                names[job.id] = job.name
                for made in (*job.export_jobs, *job.validation_jobs):
                    names[made.id] = job.name
    return names

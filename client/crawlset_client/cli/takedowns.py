"""`crawlset takedowns`."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.api.takedowns import Takedown, TakedownPreview
from crawlset_client.cli.completion import complete_projects, complete_takedowns
from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.errors import UsageError
from crawlset_client.lookup import find_project, full_id
from crawlset_client.models import Project as ProjectRecord
from crawlset_client.output import table
from crawlset_client.progress import size
from crawlset_client.text import moment

POLL_SECONDS = 1.0
EXPORTS_SHOWN = 20

app = typer.Typer(
    name="takedowns", help="Takedowns: images hidden, then removed for good.", no_args_is_help=True
)

Project = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Its name or id.", autocompletion=complete_projects)
]
TakedownId = Annotated[str, typer.Argument(metavar="ID", autocompletion=complete_takedowns)]
Watch = Annotated[
    bool, typer.Option(help="Wait until they are hidden, gone (--now) or back (revoke).")
]


@app.command()
def create(
    context: typer.Context,
    project: Project,
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="URL of the picture, or of the page it is on.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="With all hosts below it.")
    ] = None,
    creator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Creator's name as the sources spell it.")
    ] = None,
    look_alike: Annotated[
        str | None,
        typer.Option(metavar="IMAGE|HASH", help="An image's id, or a hash of 16 hex digits."),
    ] = None,
    max_distance: Annotated[
        int | None,
        typer.Option(min=0, max=16, metavar="BITS", help="For --look-alike; 8 if not given."),
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with it.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Remove the bytes at once: it cannot be revoked.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    watch: Watch = True,
    as_json: AsJson = False,
) -> None:
    """
    Hide images and the exports that hold them, keep them out, and remove them later.

    It shows what it would do and asks. Until their bytes go it can be revoked.
    """
    with running(context, as_json=as_json) as run:
        kind, value, image_id = _meant(url, host, creator, look_alike)
        with run.connect() as crawlset:
            found = _find(crawlset, project)
            preview = crawlset.takedowns.preview(
                found.id, kind, value=value, image_id=image_id, max_distance=max_distance
            )
            _tell(run, preview, is_at_once=now)
            if not yes:
                _ask(is_at_once=now)
            takedown = crawlset.takedowns.create(
                found.id,
                kind,
                value=value,
                image_id=image_id,
                max_distance=max_distance,
                reason=reason,
                grace_hours=0 if now else None,
            )
            if watch:
                takedown = _follow(run, crawlset, found, takedown)
            _show(run, found, takedown)


@app.command()
def revoke(
    context: typer.Context,
    project: Project,
    takedown_id: TakedownId,
    *,
    watch: Watch = True,
    as_json: AsJson = False,
) -> None:
    """Take a takedown back while its images are only hidden: all is as it was."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = _find(crawlset, project)
        meant = _meant_id(crawlset, found, takedown_id)
        takedown = crawlset.takedowns.revoke(found.id, meant)
        if watch:
            takedown = _follow(run, crawlset, found, takedown)
        _show(run, found, takedown)


@app.command("list")
def list_takedowns(context: typer.Context, project: Project, *, as_json: AsJson = False) -> None:
    """List the takedowns of a project, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(crawlset.takedowns.list(_find(crawlset, project).id))
        document = {"items": [takedown.document for takedown in found]}
        run.output.result(document, lambda console: draw_takedowns(console, found))


@app.command()
def show(
    context: typer.Context,
    project: Project,
    takedown_id: TakedownId,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a takedown, and the exports that held its images."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = _find(crawlset, project)
        meant = _meant_id(crawlset, found, takedown_id)
        _show(run, found, crawlset.takedowns.get(found.id, meant))


def draw_takedowns(console: Console, takedowns: Sequence[Takedown]) -> None:
    rows = [
        (one.id, one.kind, one.value, _state(one), one.n_images, one.n_exports) for one in takedowns
    ]
    table(console, ("id", "kind", "what", "state", "images", "exports"), rows)


def _state(takedown: Takedown) -> str:
    if takedown.status == "hidden" and takedown.removes_at is not None:
        return f"hidden until {moment(takedown.removes_at)}"
    return takedown.status


def _find(crawlset: Crawlset, project: str) -> ProjectRecord:
    return find_project(crawlset, project)


def _meant_id(crawlset: Crawlset, project: ProjectRecord, given: str) -> str:
    listing = f"crawlset takedowns list {project.name}"
    return full_id(given, crawlset.takedowns.list(project.id), "takedown", listing)


def _tell(run: Run, preview: TakedownPreview, *, is_at_once: bool) -> None:
    run.output.note(
        f"{preview.n_images:,} images in {preview.n_jobs:,} crawl jobs would be hidden,"
        f" {preview.n_stored:,} of them stored ({size(preview.n_bytes)}),"
        f" and {preview.n_exports:,} exports withheld."
    )
    for export in preview.exports[:EXPORTS_SHOWN]:
        run.output.note(
            f"  export {export.export_job_id} of crawl job {export.crawl_job_id}:"
            f" {export.n_images:,} images"
        )
    if preview.n_exports > EXPORTS_SHOWN:
        run.output.note(f"  and {preview.n_exports - EXPORTS_SHOWN:,} more")
    if is_at_once:
        run.output.note("Their bytes would be removed at once; this cannot be revoked.")
    else:
        run.output.note(
            f"Their bytes would be removed at {moment(preview.removes_at)}; until then it can be"
            " revoked."
        )


def _ask(*, is_at_once: bool) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nothing is taken down yet; give --yes to take down what is shown above.")
    question = "Remove them for good?" if is_at_once else "Take them down?"
    typer.confirm(question, abort=True, err=True)


def _meant(
    url: str | None, host: str | None, creator: str | None, look_alike: str | None
) -> tuple[str, str | None, int | None]:
    """Kind, value and image id. Raises `UsageError` unless exactly one is given."""
    named = {"url": url, "host": host, "creator": creator, "look_alike": look_alike}
    given = [(kind, value) for kind, value in named.items() if value is not None]
    if len(given) != 1:
        raise UsageError("Give one of --url, --host, --creator and --look-alike.")
    ((kind, value),) = given
    is_image = kind == "look_alike" and value.isdecimal() and len(value) < 16  # noqa: PLR2004
    return (kind, None, int(value)) if is_image else (kind, value, None)


def _follow(run: Run, crawlset: Crawlset, project: ProjectRecord, takedown: Takedown) -> Takedown:
    with run.output.messages.status("Hiding, removing or bringing back what is stored…"):
        while takedown.is_busy:
            run.outside.sleep(POLL_SECONDS)
            takedown = crawlset.takedowns.get(project.id, takedown.id)
    return takedown


def _show(run: Run, project: ProjectRecord, takedown: Takedown) -> None:
    def draw(console: Console) -> None:
        draw_takedowns(console, [takedown])
        if takedown.exports:
            rows = [(one.export_job_id, one.crawl_job_id, one.n_images) for one in takedown.exports]
            table(console, ("id", "crawl job", "images"), rows, "Exports that held them")
            if takedown.n_exports > len(rows):
                console.print(f"… and {takedown.n_exports - len(rows):,} more exports")
        if takedown.is_revocable and takedown.removes_at is not None:
            console.print(
                f"Their bytes are removed at {moment(takedown.removes_at)}. Until then, take it"
                f" back with: crawlset takedowns revoke {project.id} {takedown.id}",
                soft_wrap=True,
            )

    run.output.result(takedown.document, draw)

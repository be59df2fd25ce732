"""`crawlset takedowns`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from crawlset_client.cli.completion import complete_projects, complete_takedowns
from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from crawlset_client.rights import Rights, Takedown

POLL_SECONDS = 1.0

app = typer.Typer(
    name="takedowns", help="Takedowns: images removed for good.", no_args_is_help=True
)

Project = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Its name or id.", autocompletion=complete_projects)
]


@app.command()
def create(
    context: typer.Context,
    project: Project,
    *,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of the picture, or of the page it is on.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="With all hosts below it.")
    ] = None,
    creator: Annotated[
        str | None, typer.Option(metavar="NAME", help="As the sources spell it.")
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
    watch: Annotated[bool, typer.Option(help="Wait until the bytes are gone.")] = True,
    as_json: AsJson = False,
) -> None:
    """Remove images, with their bytes and the exports that hold them, and keep them out."""
    with running(context, as_json=as_json) as run:
        kind, value, image_id = _meant(url, host, creator, look_alike)
        with connect(run) as crawlset:
            from crawlset_client.lookup import find_project  # noqa: PLC0415

            found = find_project(crawlset, project)
            takedown = crawlset.create_takedown(
                found.id,
                kind,
                value=value,
                image_id=image_id,
                max_distance=max_distance,
                reason=reason,
            )
            if watch:
                takedown = _follow(run, crawlset, found.id, takedown)
            _show(run, takedown)


@app.command("list")
def list_takedowns(context: typer.Context, project: Project, *, as_json: AsJson = False) -> None:
    """List the takedowns of a project, newest first."""
    with running(context, as_json=as_json) as run, connect(run) as crawlset:
        from crawlset_client.lookup import find_project  # noqa: PLC0415

        found = list(crawlset.list_takedowns(find_project(crawlset, project).id))
        document = {"items": [takedown.document for takedown in found]}
        run.output.result(document, lambda console: draw_takedowns(console, found))


@app.command()
def show(
    context: typer.Context,
    project: Project,
    takedown_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=complete_takedowns)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a takedown, and the exports that held its images."""
    with running(context, as_json=as_json) as run, connect(run) as crawlset:
        from crawlset_client.lookup import find_project  # noqa: PLC0415

        project_id = find_project(crawlset, project).id
        _show(run, crawlset.get_takedown(project_id, takedown_id))


def connect(run: Run) -> "Rights":
    """The configured service."""
    from crawlset_client.rights import Rights  # noqa: PLC0415 - start-up must be fast

    return run.connect_as(Rights)


def draw_takedowns(console: "Console", takedowns: "Sequence[Takedown]") -> None:
    from crawlset_client.output import table  # noqa: PLC0415

    rows = [
        (one.id, one.kind, one.value, one.status, one.n_images, one.n_exports) for one in takedowns
    ]
    table(console, ("id", "kind", "what", "state", "images", "exports"), rows)


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


def _follow(run: Run, crawlset: "Rights", project_id: str, takedown: "Takedown") -> "Takedown":
    with run.output.messages.status("Removing what is stored…"):
        while not takedown.is_final:
            run.outside.sleep(POLL_SECONDS)
            takedown = crawlset.get_takedown(project_id, takedown.id)
    return takedown


def _show(run: Run, takedown: "Takedown") -> None:
    def draw(console: "Console") -> None:
        from crawlset_client.output import table  # noqa: PLC0415

        draw_takedowns(console, [takedown])
        if takedown.exports:
            rows = [(one.export_job_id, one.crawl_job_id, one.n_images) for one in takedown.exports]
            table(console, ("id", "crawl job", "images"), rows, "Exports that held them")

    run.output.result(takedown.document, draw)

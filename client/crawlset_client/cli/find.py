"""`crawlset find`."""

from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.cli.completion import complete_jobs
from crawlset_client.cli.running import AsJson, InProject, running
from crawlset_client.errors import UsageError
from crawlset_client.lookup import find_job
from crawlset_client.nearest import NearestImages
from crawlset_client.output import table
from crawlset_client.text import printable

app = typer.Typer()


@app.command()
def find(
    context: typer.Context,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="The crawl job's id.", autocompletion=complete_jobs)
    ],
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help='What the images show, such as "a red bicycle".'),
    ] = None,
    like: Annotated[
        int | None,
        typer.Option(min=1, metavar="IMAGE", help="Find what looks like this image of the job."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURER",
            help="Measurer of the vectors that --like compares; relevance if not given.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="No more than this.")
    ] = 20,
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Find stored images of a crawl job by a text, or by another image."""
    with running(context, as_json=as_json) as run:
        if (text is None) == (like is None):
            raise UsageError("Give either a TEXT or --like IMAGE.")
        if by is not None and like is None:
            raise UsageError("--by goes with --like; a text is compared by towers.")
        with run.connect() as crawlset:
            found = find_job(crawlset, job, project)
            nearest = crawlset.images.find(
                found.project_id, found.id, text, like=like, measurer=by, limit=limit
            )
        run.output.result(nearest.document, lambda console: draw(console, nearest))


def draw(console: Console, nearest: NearestImages) -> None:
    rows = [
        (f"{one.similarity:.3f}", str(one.image.id), one.image.keyword, one.image.url)
        for one in nearest.items
    ]
    table(console, ("similarity", "id", "keyword", "url"), rows)
    line = (
        f"{nearest.n_compared:,} of {nearest.n_stored:,} stored images compared by"
        f" {nearest.measurer} {nearest.version}".rstrip()
    )
    if not nearest.is_complete:
        line += "; the service had no time for the rest, or could not read it"
    console.print(printable(line), soft_wrap=True)

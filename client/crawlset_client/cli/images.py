"""`crawlset images`."""

from itertools import islice
from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.cli.completion import complete_jobs, words
from crawlset_client.cli.drawing import draw_images
from crawlset_client.cli.running import AsJson, InProject, running
from crawlset_client.lookup import find_job
from crawlset_client.models import CrawlJob

MOST = 1_000_000
"""More candidates no job has."""
SHOWN = 20
IMAGE_STATUSES = (
    "pending",
    "stored",
    "duplicate",
    "rejected",
    "refused",
    "failed",
    "cancelled",
)
CHANGES = ("unchanged", "same_picture", "replaced", "gone")

app = typer.Typer()


@app.command()
def images(
    context: typer.Context,
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="The crawl job's id.", autocompletion=complete_jobs),
    ],
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help="Only these: stored, refused, failed and so on.",
            autocompletion=words(*IMAGE_STATUSES),
        ),
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only these: http_404, timeout and so on.")
    ] = None,
    change: Annotated[
        str | None,
        typer.Option(
            metavar="CHANGE",
            autocompletion=words(*CHANGES),
            help="Only those of which the last re-crawl found this: unchanged, same_picture,"
            " replaced or gone.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST,
            metavar="N",
            help=f"No more than this; {SHOWN} if not given, in JSON all.",
        ),
    ] = None,
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the candidates of a crawl job and what became of them."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_job(crawlset, job, project)
        listed = crawlset.images.list(
            found.project_id, found.id, status=status, outcome=outcome, change=change
        )
        if as_json:
            run.output.items(image.document for image in islice(listed, limit))
            return
        n_shown = limit or SHOWN
        shown = list(islice(listed, n_shown))
        is_cut = next(listed, None) is not None

        def draw(console: Console) -> None:
            draw_images(console, shown)
            if is_cut:
                n_all = _count(found, status, outcome, change)
                more = "more" if n_all is None else f"{n_all - n_shown:,} more"
                console.print(f"and {more}; --limit N shows them", soft_wrap=True)

        run.output.result(None, draw)


def _count(
    job: CrawlJob, status: str | None, outcome: str | None, change: str | None
) -> int | None:
    """How many there are, as far as the job's counters tell."""
    match (status, outcome, change):
        case (None, None, None):
            return job.progress.candidates
        case (str(), None, None):
            return getattr(job.progress, status, None)
        case (None, str(), None):
            return job.outcomes.get(outcome)
        case _:
            return None

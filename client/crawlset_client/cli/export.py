"""`crawlset export`."""

from pathlib import Path
from typing import Annotated

import typer

from crawlset_client.cli.running import AsJson, InProject, running


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    context: typer.Context,
    *,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The crawl job's id.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to put the dataset.")],
    format_: Annotated[str, typer.Option("--format", metavar="NAME")] = "imagefolder",
    validation: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what this validation kept.")
    ] = None,
    export_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Fetch this export, make no new one.")
    ] = None,
    project: InProject = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier export in DIR.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export a completed crawl job and unpack it into a directory."""
    with running(context, as_json=as_json) as run:
        from crawlset_client.cli.drawing import draw_dataset  # noqa: PLC0415
        from crawlset_client.cli.watching import fetched_later, watch_export  # noqa: PLC0415
        from crawlset_client.datasets import check_target, fetch_dataset  # noqa: PLC0415
        from crawlset_client.lookup import find_job  # noqa: PLC0415

        check_target(out, is_forced=force)
        with run.connect() as crawlset:
            found = find_job(crawlset, job, project)
            if export_id is not None:
                made = crawlset.get_export_job(found.project_id, found.id, export_id)
            else:
                made = crawlset.create_export_job(
                    found.project_id, found.id, format_, validation_job_id=validation
                )
                run.output.note(f"Export job {made.id}")
            made = watch_export(run, crawlset, found, made)
            with fetched_later(found, made):
                dataset = fetch_dataset(crawlset, found, made, out, run.transfer, is_forced=force)
        document = {
            "export_job": made.model_dump(mode="json"),
            "path": str(dataset.path),
            "n_images": dataset.n_images,
            "splits": dataset.splits,
        }
        run.output.result(document, lambda console: draw_dataset(console, dataset))

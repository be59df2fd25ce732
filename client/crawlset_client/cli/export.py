"""`crawlset export` and `crawlset diff`."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from crawlset_client.cli.completion import (
    FORMATS,
    complete_exports,
    complete_exports_of_jobs,
    complete_jobs,
    complete_validations,
    words,
)
from crawlset_client.cli.running import AsJson, InProject, Run, read_object, running
from crawlset_client.cli.validate import validation_id
from crawlset_client.errors import NotFoundHereError
from crawlset_client.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawlset_client.api import Crawlset
    from crawlset_client.models import CrawlJob


def register(app: typer.Typer) -> None:
    app.command()(export)
    app.command()(diff)


def export(
    context: typer.Context,
    *,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="The crawl job's id.", autocompletion=complete_jobs)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to put the dataset.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
            autocompletion=words(*FORMATS),
        ),
    ] = "imagefolder",
    options: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Splits, classes, resizing and so on."),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Only what this validation kept.",
            autocompletion=complete_validations,
        ),
    ] = None,
    export_id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Fetch this export, make no new one.",
            autocompletion=complete_exports,
        ),
    ] = None,
    project: InProject = None,
    unpack: Annotated[
        bool, typer.Option(help="Unpack archives of images; else all files stay as described.")
    ] = True,
    push_to_hub: Annotated[
        str | None,
        typer.Option(metavar="REPO", help="Then upload it to the Hugging Face Hub, as NAME/SET."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Make a repository that everybody sees.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an earlier export in DIR.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export a completed crawl job into a directory."""
    with running(context, as_json=as_json) as run:
        from crawlset_client.cli.drawing import draw_dataset  # noqa: PLC0415
        from crawlset_client.cli.watching import fetched_later, watch_export  # noqa: PLC0415
        from crawlset_client.datasets import check_target, fetch_dataset  # noqa: PLC0415
        from crawlset_client.hub import push  # noqa: PLC0415
        from crawlset_client.lookup import find_job  # noqa: PLC0415

        given = read_object(options, "options") if options is not None else None
        check_target(out, is_forced=force)
        with run.connect() as crawlset:
            found = find_job(crawlset, job, project)
            if export_id is not None:
                meant = _export_id(crawlset, found, export_id)
                made = crawlset.get_export_job(found.project_id, found.id, meant)
            else:
                judged = validation_id(crawlset, found, validation) if validation else None
                made = crawlset.create_export_job(
                    found.project_id,
                    found.id,
                    format_,
                    validation_job_id=judged,
                    options=given,
                )
                run.output.note(f"Export job {made.id}")
            made = watch_export(run, crawlset, found, made)
            with fetched_later(found, made):
                dataset = fetch_dataset(
                    crawlset,
                    found,
                    made,
                    out,
                    run.transfer,
                    is_forced=force,
                    is_unpacked=unpack,
                )
        document = {
            "export_job": made.document,
            "path": str(plain(dataset.path)),
            "n_images": dataset.n_images,
            "splits": dataset.splits,
        }
        if push_to_hub is not None:
            document["hub"] = push(dataset.path, push_to_hub, is_private=not public)
            run.output.note(f"Uploaded to {document['hub']}")
        run.output.result(document, lambda console: draw_dataset(console, dataset))


def diff(
    context: typer.Context,
    before: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A directory, a manifest.jsonl, or JOB/EXPORT.",
            autocompletion=complete_exports_of_jobs,
        ),
    ],
    after: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="The same, of the other export.",
            autocompletion=complete_exports_of_jobs,
        ),
    ],
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell what has changed from one export to another."""
    with running(context, as_json=as_json) as run:
        from dataclasses import asdict  # noqa: PLC0415

        from crawlset_client.cli.drawing import draw_difference  # noqa: PLC0415
        from crawlset_client.manifests import compare  # noqa: PLC0415

        with _manifest(run, before, project) as one, _manifest(run, after, project) as other:
            difference = compare(one, other)
        run.output.result(asdict(difference), lambda console: draw_difference(console, difference))


def _export_id(crawlset: "Crawlset", job: "CrawlJob", given: str) -> str:
    """The id of the job's export that is meant."""
    from crawlset_client.lookup import full_id  # noqa: PLC0415 - start-up must be fast

    found = crawlset.list_export_jobs(job.project_id, job.id)
    return full_id(given, found, "export", f"crawlset jobs show {job.id}")


@contextmanager
def _manifest(run: Run, name: str, project: str | None) -> "Iterator[Path]":
    """Where the manifest of an export is, for as long as the block lasts."""
    job_id, slash, export_id = name.partition("/")
    if Path(name).exists() or not slash:
        yield Path(name)
        return
    from crawlset_client.lookup import find_job, may_be_id  # noqa: PLC0415
    from crawlset_client.manifests import MANIFEST  # noqa: PLC0415

    if not (may_be_id(job_id) and may_be_id(export_id)):
        yield Path(name)
        return
    with TemporaryDirectory() as directory, run.connect() as crawlset:
        job = find_job(crawlset, job_id, project)
        export_id = _export_id(crawlset, job, export_id)
        for file in crawlset.list_export_files(job.project_id, job.id, export_id):
            if file.name == MANIFEST:
                with run.transfer(f"Manifest of {export_id}", file.file_size) as advance:
                    crawlset.download(file, Path(directory, MANIFEST), advance=advance)
                yield Path(directory)
                return
    raise NotFoundHereError(f"Export {export_id} has no manifest; has it completed?")

"""`crawlset export` and `crawlset diff`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from crawlset_client.api import Crawlset
from crawlset_client.cli.completion import (
    FORMATS,
    complete_exports,
    complete_exports_of_jobs,
    complete_jobs,
    complete_validations,
    words,
)
from crawlset_client.cli.drawing import draw_dataset, draw_difference, left_out
from crawlset_client.cli.running import AsJson, InProject, Run, read_object, running
from crawlset_client.cli.validate import validation_id
from crawlset_client.cli.watching import fetched_later, watch_export
from crawlset_client.datasets import fetch_dataset
from crawlset_client.errors import CrawlsetError, NotFoundHereError, UsageError
from crawlset_client.hub import check, push
from crawlset_client.lookup import find_job, full_id, may_be_id, newest_validations
from crawlset_client.manifests import MANIFEST, compare
from crawlset_client.models import CrawlJob
from crawlset_client.placing import check_target
from crawlset_client.text import plain

app = typer.Typer()


@app.command()
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
            help="What this validation kept; the newest if not given.",
            autocompletion=complete_validations,
        ),
    ] = None,
    all_stored: Annotated[
        bool, typer.Option("--all-stored", help="All stored images, whatever validations say.")
    ] = False,
    blur_faces: Annotated[
        bool,
        typer.Option(
            "--blur-faces",
            help="Blur faces; leaves out pictures that the measurer faces has not measured.",
        ),
    ] = False,
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
        bool, typer.Option("--force", help="Replace the export in DIR; other files there stay.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export a completed crawl job into a directory."""
    with running(context, as_json=as_json) as run:
        _check_choice(validation, export_id, all_stored=all_stored, blur_faces=blur_faces)
        given = _options(options, blur_faces=blur_faces)
        check_target(out, is_forced=force)
        if push_to_hub is not None:
            check(push_to_hub)
        with run.connect() as crawlset:
            found = find_job(crawlset, job, project)
            if export_id is not None:
                meant = _export_id(crawlset, found, export_id)
                made = crawlset.exports.get(found.project_id, found.id, meant)
            else:
                if validation is not None:
                    judged = validation_id(crawlset, found, validation)
                elif all_stored:
                    judged = None
                else:
                    judged = _newest_validation(run, crawlset, found, given or {})
                made = crawlset.exports.create(
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
        if made.left_out:
            run.output.note(
                f"Left out {left_out(made)}: `left_out_detail` in {MANIFEST} says why of each."
            )
        for warning in made.warnings:
            run.output.note(warning)
        if dataset.n_kept:
            run.output.note(
                f"Left {dataset.n_kept:,} files in {dataset.path} that the export there before had"
                " not written."
            )
        document: dict[str, Any] = {
            "export_job": made.document,
            "path": str(plain(dataset.path)),
            "n_images": dataset.n_images,
            "splits": dataset.splits,
        }
        if push_to_hub is not None:
            try:
                document["hub"] = push(dataset.path, push_to_hub, is_private=not public)
            except CrawlsetError as error:
                error.subject = document
                raise
            run.output.note(f"Uploaded to {document['hub']}")
        run.output.result(document, lambda console: draw_dataset(console, dataset))


def _check_choice(
    validation: str | None, export_id: str | None, *, all_stored: bool, blur_faces: bool
) -> None:
    if validation is not None and all_stored:
        raise UsageError("--validation and --all-stored exclude each other.")
    if export_id is not None and (validation is not None or all_stored or blur_faces):
        raise UsageError(
            "--export-id fetches an export as it is; --validation, --all-stored and --blur-faces"
            " are for a new one."
        )


def _options(file: Path | None, *, blur_faces: bool) -> dict[str, Any] | None:
    given = read_object(file, "options") if file is not None else None
    return (given or {}) | {"blur_faces": True} if blur_faces else given


def _newest_validation(
    run: Run, crawlset: Crawlset, job: CrawlJob, options: Mapping[str, Any]
) -> str | None:
    """The id of the validation whose images are exported; says which, and of what is not used."""
    newest, active = newest_validations(crawlset, job)
    n_stored = job.progress.stored
    if active is not None:
        run.output.note(f"Validation {active.id} is still {active.status} and is not used.")
    if newest is None:
        if active is not None:
            run.output.note(f"Exporting all {n_stored:,} stored images.")
        return None
    n, verb = newest.counts.kept, "kept"
    if options.get("include_quarantined"):
        n, verb = n + newest.counts.quarantined, "kept or put in quarantine"
    run.output.note(
        f"Exporting the {n:,} images that validation {newest.id} {verb};"
        f" --all-stored exports all {n_stored:,}."
    )
    n_new = n_stored - newest.counts.judged
    if n_new > 0:
        run.output.note(
            f"It has not seen {n_new:,} images that were stored since; crawlset validate {job.id}"
            " judges them."
        )
    return newest.id


@app.command()
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
        with _manifest(run, before, project) as one, _manifest(run, after, project) as other:
            difference = compare(one, other)
        run.output.result(asdict(difference), lambda console: draw_difference(console, difference))


def _export_id(crawlset: Crawlset, job: CrawlJob, given: str) -> str:
    """The id of the job's export that is meant."""
    found = crawlset.exports.list(job.project_id, job.id)
    return full_id(given, found, "export", f"crawlset jobs show {job.id}")


@contextmanager
def _manifest(run: Run, name: str, project: str | None) -> Iterator[Path]:
    """Where the manifest of an export is, for as long as the block lasts."""
    job_id, slash, export_id = name.partition("/")
    if Path(name).exists() or not slash:
        yield Path(name)
        return
    if not (may_be_id(job_id) and may_be_id(export_id)):
        yield Path(name)
        return
    with TemporaryDirectory() as directory, run.connect() as crawlset:
        job = find_job(crawlset, job_id, project)
        export_id = _export_id(crawlset, job, export_id)
        for file in crawlset.exports.list_files(job.project_id, job.id, export_id):
            if file.name == MANIFEST:
                with run.transfer(f"Manifest of {export_id}", file.file_size) as advance:
                    crawlset.exports.download(file, Path(directory, MANIFEST), advance=advance)
                yield Path(directory)
                return
    raise NotFoundHereError(f"Export {export_id} has no manifest; has it completed?")

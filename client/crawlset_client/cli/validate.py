"""`crawlset validate` and `crawlset report`."""

from pathlib import Path
from typing import Annotated

import typer

from crawlset_client.api import Crawlset
from crawlset_client.cli.completion import PRESETS, complete_jobs, complete_validations, words
from crawlset_client.cli.drawing import draw_validation
from crawlset_client.cli.running import AsJson, InProject, read_object, running
from crawlset_client.cli.watching import watch_validation
from crawlset_client.errors import TargetError, UsageError
from crawlset_client.lookup import find_job, full_id, newest_validations
from crawlset_client.models import CrawlJob
from crawlset_client.text import plain

GENERATOR = b'<meta name="generator" content="Crawlset">'
"""In the head of every report."""
HEAD_BYTES = 1_000

app = typer.Typer()


@app.command()
def validate(
    context: typer.Context,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="The crawl job's id.", autocompletion=complete_jobs)
    ],
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Rules, and a preset they build on."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="basic, standard, strict or report_only; basic if not given.",
            autocompletion=words(*PRESETS),
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEASURER",
            help="Have the images measured by this, without a rule; can be repeated.",
        ),
    ] = None,
    project: InProject = None,
    *,
    watch: Annotated[bool, typer.Option(help="Wait for the validation to end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Judge the stored images of a completed crawl job."""
    with running(context, as_json=as_json) as run:
        given = read_object(rules, "rules") if rules is not None else None
        if preset is not None:
            given = {"preset": preset, **(given or {})}
        if measure and "measurers" in (given or {}):
            raise UsageError(f"Name measurers in {rules} or by --measure, not by both.")
        if measure:
            given = {**(given or {}), "measurers": measure}
        with run.connect() as crawlset:
            found = find_job(crawlset, job, project)
            validation = crawlset.validations.create(found.project_id, found.id, given)
            if watch:
                validation = watch_validation(run, crawlset, found, validation)
            for warning in validation.warnings:
                run.output.note(warning)
            document = validation.document
            run.output.result(document, lambda console: draw_validation(console, validation))


@app.command()
def report(
    context: typer.Context,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="The crawl job's id.", autocompletion=complete_jobs)
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.html", help="Where to write the page.")
    ] = Path("report.html"),
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Report of this validation; the newest completed if not given.",
            autocompletion=complete_validations,
        ),
    ] = None,
    project: InProject = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace FILE.html even if it is no report.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write what a validation found as one HTML page with pictures."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_job(crawlset, job, project)
        if validation is not None:
            id_ = validation_id(crawlset, found, validation)
        else:
            newest, _ = newest_validations(crawlset, found)
            if newest is None:
                raise UsageError(
                    f"No validation of job {found.id} has completed; crawlset validate makes one."
                )
            id_ = newest.id
        page = plain(out)
        body = crawlset.validations.read_report_page(found.project_id, found.id, id_)
        _write_page(body, page, is_forced=force)
        run.output.result(
            {"validation_job_id": id_, "path": str(page)},
            lambda console: console.print(f"Wrote {page}.", soft_wrap=True),
        )


def validation_id(crawlset: Crawlset, job: CrawlJob, given: str) -> str:
    """The id of the job's validation that is meant."""
    found = crawlset.validations.list(job.project_id, job.id)
    return full_id(given, found, "validation", f"crawlset jobs show {job.id}")


def _write_page(page: bytes, out: Path, *, is_forced: bool) -> None:
    """Raises `TargetError` for a file that is no report, unless forced."""
    if out.exists() and not is_forced:
        with out.open("rb") as stream:
            if GENERATOR not in stream.read(HEAD_BYTES):
                raise TargetError(f"{out} is there and is no report; give --force to replace it.")
    out.write_bytes(page)

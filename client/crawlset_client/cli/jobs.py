"""`crawlset jobs`."""

from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from crawlset_client.api import Crawlset
from crawlset_client.cli.completion import STATUSES, complete_deleted_jobs, complete_jobs, words
from crawlset_client.cli.drawing import draw_events, draw_jobs
from crawlset_client.cli.running import (
    AsJson,
    Deleted,
    GraceHours,
    InProject,
    Run,
    Yes,
    confirm_deletion,
    running,
    say_deleted,
)
from crawlset_client.cli.watching import show_job, watch_crawl
from crawlset_client.lookup import find_deleted_job, find_job, find_project
from crawlset_client.models import CrawlJob

app = typer.Typer(name="jobs", help="Crawl jobs.", no_args_is_help=True)

JobId = Annotated[
    str, typer.Argument(metavar="JOB", help="The job's id.", autocompletion=complete_jobs)
]
NEWEST_SHOWN = 10
"""Validations and exports that a job comes with."""
Watch = Annotated[bool, typer.Option(help="Wait for the job to end.")]


@app.command("list")
def list_jobs(
    context: typer.Context,
    project: InProject = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATE", help="Only jobs in this state.", autocompletion=words(*STATUSES)
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="No more jobs than this.")] = 20,
    *,
    deleted: Deleted = False,
    as_json: AsJson = False,
) -> None:
    """List crawl jobs, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = _list_newest(crawlset, project, status, deleted=deleted)
        newest, n_more = found[:limit], len(found) - limit
        document = {"items": [job.document for job in newest], "n_more": max(0, n_more)}
        run.output.result(document, lambda console: draw_jobs(console, newest))
        if n_more > 0:
            run.output.note(f"… and {n_more:,} more; --limit {len(found)} lists them all.")


@app.command()
def show(
    context: typer.Context, job: JobId, project: InProject = None, *, as_json: AsJson = False
) -> None:
    """Show a job and what became of its candidates."""
    _act(context, job, project, _complete, as_json=as_json)


@app.command()
def watch(
    context: typer.Context, job: JobId, project: InProject = None, *, as_json: AsJson = False
) -> None:
    """Follow a job until it ends."""
    _act(context, job, project, _follow, as_json=as_json)


@app.command()
def events(
    context: typer.Context,
    job: JobId,
    project: InProject = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for more until the job has ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what has happened to a job, oldest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_job(crawlset, job, project)
        happened = crawlset.jobs.list_events(found.project_id, found.id, follow=follow)
        if as_json:
            items = [event.document for event in happened]
            run.output.result({"items": items}, lambda _console: None)
        else:
            run.output.result(None, lambda console: draw_events(console, happened))


@app.command()
def cancel(
    context: typer.Context, job: JobId, project: InProject = None, *, as_json: AsJson = False
) -> None:
    """Cancel a job; what it has stored stays."""

    def stop(_run: Run, crawlset: Crawlset, found: CrawlJob) -> CrawlJob:
        return crawlset.jobs.cancel(found.project_id, found.id)

    _act(context, job, project, stop, as_json=as_json)


@app.command()
def retry(
    context: typer.Context,
    job: JobId,
    project: InProject = None,
    *,
    watch: Watch = True,
    as_json: AsJson = False,
) -> None:
    """Try again what was cancelled, and what failed and may end otherwise."""

    def again(run: Run, crawlset: Crawlset, found: CrawlJob) -> CrawlJob:
        reopened = crawlset.jobs.retry(found.project_id, found.id)
        after = _follow(run, crawlset, reopened) if watch else reopened
        if n := after.progress.cancelled:
            run.output.note(f"{n:,} are left cancelled; `crawlset jobs retry {job}` takes more.")
        return after

    _act(context, job, project, again, as_json=as_json)


@app.command()
def recrawl(
    context: typer.Context,
    job: JobId,
    project: InProject = None,
    *,
    watch: Watch = True,
    as_json: AsJson = False,
) -> None:
    """Ask for the stored pictures again, and note which are unchanged, replaced or gone."""

    def again(run: Run, crawlset: Crawlset, found: CrawlJob) -> CrawlJob:
        reopened = crawlset.jobs.recrawl(found.project_id, found.id)
        return _follow(run, crawlset, reopened) if watch else reopened

    _act(context, job, project, again, as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    job: JobId,
    project: InProject = None,
    *,
    grace_hours: GraceHours = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a job that has ended, with all that it has; for a day it can be restored."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_job(crawlset, job, project)
        what = f"{found.name!r} with {found.progress.stored:,} stored images"
        confirm_deletion(what, yes=yes, is_final=grace_hours == 0)
        deleted = crawlset.jobs.delete(found.project_id, found.id, grace_hours=grace_hours)
        say_deleted(run, deleted, "crawlset jobs restore")


@app.command()
def restore(
    context: typer.Context,
    job: Annotated[
        str,
        typer.Argument(metavar="JOB", help="The job's id.", autocompletion=complete_deleted_jobs),
    ],
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take the deletion of a job back."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_deleted_job(crawlset, job, project)
        show_job(run, crawlset.jobs.restore(found.project_id, found.id))


def _complete(_run: Run, crawlset: Crawlset, job: CrawlJob) -> CrawlJob:
    """The job with all its validations and exports, of which it comes with the newest."""
    document = dict(job.document)
    if len(job.validation_jobs) >= NEWEST_SHOWN:
        validations = crawlset.validations.list(job.project_id, job.id)
        document["validation_jobs"] = [one.document for one in validations]
    if len(job.export_jobs) >= NEWEST_SHOWN:
        exports = crawlset.exports.list(job.project_id, job.id)
        document["export_jobs"] = [one.document for one in exports]
    return CrawlJob.of(document)


def _follow(run: Run, crawlset: Crawlset, job: CrawlJob) -> CrawlJob:
    return watch_crawl(run, crawlset, job)


def _act(
    context: typer.Context,
    job: str,
    project: str | None,
    action: Callable[[Run, Crawlset, CrawlJob], CrawlJob],
    *,
    as_json: bool,
) -> None:
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        after = action(run, crawlset, find_job(crawlset, job, project))
        show_job(run, after)


def _list_newest(
    crawlset: Crawlset, project: str | None, status: str | None, *, deleted: bool
) -> list[CrawlJob]:
    projects = [find_project(crawlset, project)] if project else crawlset.projects.list()
    jobs: Iterator[CrawlJob] = (
        job
        for one in projects
        for job in crawlset.jobs.list(one.id, status=status, deleted=deleted)
    )
    return sorted(jobs, key=lambda job: job.created_at, reverse=True)

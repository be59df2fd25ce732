"""`crawlset projects`."""

from typing import Annotated

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.cli.completion import complete_deleted_projects, complete_projects
from crawlset_client.cli.drawing import draw_jobs, draw_projects
from crawlset_client.cli.running import (
    AsJson,
    Deleted,
    GraceHours,
    Yes,
    confirm_deletion,
    running,
    say_deleted,
)
from crawlset_client.lookup import deleted_project_id, find_project
from crawlset_client.models import Project
from crawlset_client.progress import size

app = typer.Typer(name="projects", help="Projects: what jobs are kept in.", no_args_is_help=True)

NameOrId = Annotated[str, typer.Argument(metavar="NAME|ID", autocompletion=complete_projects)]


@app.command("list")
def list_projects(
    context: typer.Context, *, deleted: Deleted = False, as_json: AsJson = False
) -> None:
    """List your projects, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        projects = list(crawlset.projects.list(deleted=deleted))
        document = {"items": [project.document for project in projects]}
        run.output.result(document, lambda console: draw_projects(console, projects))


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    description: Annotated[str | None, typer.Option(metavar="TEXT")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Create a project."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        project = crawlset.projects.create(name, description)
        document = project.document
        run.output.result(document, lambda console: draw_projects(console, [project]))


@app.command()
def rename(
    context: typer.Context,
    project: NameOrId,
    name: Annotated[str, typer.Argument(metavar="NEW_NAME")],
    *,
    as_json: AsJson = False,
) -> None:
    """Give a project another name."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        renamed = crawlset.projects.update(find_project(crawlset, project).id, name=name)
        run.output.result(renamed.document, lambda console: draw_projects(console, [renamed]))


@app.command()
def show(context: typer.Context, project: NameOrId, *, as_json: AsJson = False) -> None:
    """Show a project and its crawl jobs."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_project(crawlset, project)
        jobs = list(crawlset.jobs.list(found.id))
        document = found.document | {"crawl_jobs": [job.document for job in jobs]}

        def draw(console: Console) -> None:
            draw_projects(console, [found])
            draw_jobs(console, jobs)

        run.output.result(document, draw)


def _contents(crawlset: Crawlset, project: Project) -> str:
    jobs = list(crawlset.jobs.list(project.id))
    n_stored = sum(job.progress.stored for job in jobs)
    n_bytes = sum(job.bytes_stored for job in jobs)
    return f"{len(jobs):,} crawl jobs, {n_stored:,} stored images ({size(n_bytes)}) and exports"


@app.command()
def delete(
    context: typer.Context,
    project: NameOrId,
    *,
    grace_hours: GraceHours = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a project with all its jobs, images and exports; for a day it can be restored."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_project(crawlset, project)
        what = f"{found.name!r} with {_contents(crawlset, found)}"
        confirm_deletion(what, yes=yes, is_final=grace_hours == 0)
        deleted = crawlset.projects.delete(found.id, grace_hours=grace_hours)
        say_deleted(run, deleted, "crawlset projects restore")


@app.command()
def restore(
    context: typer.Context,
    project: Annotated[
        str, typer.Argument(metavar="NAME|ID", autocompletion=complete_deleted_projects)
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Take the deletion of a project back, and of the jobs that were deleted with it."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        restored = crawlset.projects.restore(deleted_project_id(crawlset, project))
        run.output.result(restored.document, lambda console: draw_projects(console, [restored]))

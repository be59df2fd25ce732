"""`crawlset templates`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.api.schedules import JobTemplate
from crawlset_client.cli.completion import complete_jobs, complete_projects, complete_templates
from crawlset_client.cli.running import AsJson, Yes, confirm_deletion, running
from crawlset_client.cli.watching import show_job, watch_crawl
from crawlset_client.errors import NotFoundHereError, UsageError
from crawlset_client.lookup import find_by_id, find_job, find_project, is_id, may_be_id
from crawlset_client.output import table

app = typer.Typer(
    name="templates", help="Job templates: crawls to start again.", no_args_is_help=True
)

OfProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="NAME|ID",
        help="The project it belongs to; the configured one, or `default`.",
        autocompletion=complete_projects,
    ),
]
Template = Annotated[
    str,
    typer.Argument(metavar="TEMPLATE", help="Its name or id.", autocompletion=complete_templates),
]


@app.command("list")
def list_templates(
    context: typer.Context, project: OfProject = None, *, as_json: AsJson = False
) -> None:
    """List a project's templates, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(crawlset.templates.list(find_project(crawlset, run.project(project)).id))
        document = {"items": [template.document for template in found]}
        run.output.result(document, lambda console: draw_templates(console, found))


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            metavar="NAME|ID",
            help="The configured one or `default`, or the project of the job.",
            autocompletion=complete_projects,
        ),
    ] = None,
    *,
    from_job: Annotated[
        str | None,
        typer.Option(
            metavar="JOB", help="Keep the configuration of this job.", autocompletion=complete_jobs
        ),
    ] = None,
    configuration: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON: the body that creates a crawl job."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep a configuration, so that jobs can be started from it."""
    with running(context, as_json=as_json) as run:
        if (from_job is None) == (configuration is None):
            raise UsageError("Give either --from-job JOB or --configuration FILE.")
        wanted = _read_object(configuration) if configuration is not None else None
        with run.connect() as crawlset:
            if from_job is not None:
                job = find_job(crawlset, from_job, project)
                made = crawlset.templates.create(job.project_id, name, crawl_job_id=job.id)
            else:
                project_id = find_project(crawlset, run.project(project)).id
                made = crawlset.templates.create(project_id, name, configuration=wanted)
            run.output.result(made.document, lambda console: draw_templates(console, [made]))


@app.command()
def show(
    context: typer.Context,
    template: Template,
    project: OfProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a template and what it configures."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_template(crawlset, run.project(project), template)

        def draw(console: Console) -> None:
            draw_templates(console, [found])
            console.print(json.dumps(found.configuration, indent=2), soft_wrap=True)

        run.output.result(found.document, draw)


@app.command()
def start(
    context: typer.Context,
    template: Template,
    project: OfProject = None,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What to call the job.")] = None,
    max_images: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Try no more candidates than this.")
    ] = None,
    watch: Annotated[bool, typer.Option(help="Wait for the job to end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Start a crawl job from a template."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_template(crawlset, run.project(project), template)
        job = crawlset.templates.start(found.project_id, found.id, name=name, max_images=max_images)
        run.output.note(f"Crawl job {job.id}")
        if watch:
            job = watch_crawl(run, crawlset, job)
        show_job(run, job)


@app.command()
def delete(
    context: typer.Context,
    template: Template,
    project: OfProject = None,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a template that no schedule starts."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_template(crawlset, run.project(project), template)
        confirm_deletion(f"template {found.name!r}", yes=yes)
        crawlset.templates.delete(found.project_id, found.id)
        run.output.result(
            {"deleted": found.id}, lambda console: console.print(f"deleted {found.id}")
        )


def find_template(crawlset: Crawlset, project: str, name_or_id: str) -> JobTemplate:
    """Raises `NotFoundHereError` if the project has none of this name or id."""
    project_id = find_project(crawlset, project).id
    if is_id(name_or_id):
        return crawlset.templates.get(project_id, name_or_id)
    templates = list(crawlset.templates.list(project_id))
    for template in templates:
        if template.name == name_or_id:
            return template
    if may_be_id(name_or_id):
        listing = f"crawlset templates list --project {project}"
        return find_by_id(name_or_id, templates, "template", listing)
    raise NotFoundHereError(f"The project {project!r} has no template named {name_or_id!r}.")


def draw_templates(console: Console, templates: Sequence[JobTemplate]) -> None:
    rows = [
        (
            template.id,
            template.name,
            ", ".join(template.configuration.get("keywords", [])),
            ", ".join(template.configuration.get("sources", [])),
        )
        for template in templates
    ]
    table(console, ("id", "name", "keywords", "sources"), rows)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise UsageError(f"{path} holds no JSON object.")
    return document

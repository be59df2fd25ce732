"""`crawlset schedules`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.api.schedules import CrawlSchedule
from crawlset_client.cli.completion import complete_schedules, complete_templates
from crawlset_client.cli.running import AsJson, Yes, confirm_deletion, running
from crawlset_client.cli.templates import OfProject, find_template
from crawlset_client.errors import NotFoundHereError, UsageError
from crawlset_client.lookup import find_by_id, find_project, is_id, may_be_id
from crawlset_client.output import table
from crawlset_client.text import moment

app = typer.Typer(
    name="schedules", help="Schedules: templates started by the clock.", no_args_is_help=True
)

Schedule = Annotated[
    str,
    typer.Argument(metavar="SCHEDULE", help="Its name or id.", autocompletion=complete_schedules),
]


@app.command("list")
def list_schedules(
    context: typer.Context, project: OfProject = None, *, as_json: AsJson = False
) -> None:
    """List a project's schedules, newest first."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = list(crawlset.schedules.list(find_project(crawlset, run.project(project)).id))
        document = {"items": [schedule.document for schedule in found]}
        run.output.result(document, lambda console: draw_schedules(console, found))


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    template: Annotated[
        str,
        typer.Argument(
            metavar="TEMPLATE", help="Its name or id.", autocompletion=complete_templates
        ),
    ],
    project: OfProject = None,
    *,
    cron: Annotated[
        str | None, typer.Option(metavar="EXPRESSION", help="Such as '0 3 * * 1': Mondays at 3.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="RATE", help="'15 minutes', '6 hours' or '1 day'.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of --cron; UTC if not given.")
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Do not start anything yet.")] = False,
    skip_missed: Annotated[
        bool, typer.Option("--skip-missed", help="Do not make up for runs that were missed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a template by the clock; each run crawls only what is new."""
    with running(context, as_json=as_json) as run:
        if (cron is None) == (every is None):
            raise UsageError("Give either --cron EXPRESSION or --every RATE.")
        with run.connect() as crawlset:
            found = find_template(crawlset, run.project(project), template)
            made = crawlset.schedules.create(
                found.project_id,
                name,
                found.id,
                cron=cron,
                rate=every,
                timezone=timezone,
                is_paused=paused,
                catches_up=not skip_missed,
            )
            run.output.result(made.document, lambda console: draw_schedule(console, made))


@app.command()
def show(
    context: typer.Context,
    schedule: Schedule,
    project: OfProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a schedule and its next runs."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_schedule(crawlset, run.project(project), schedule)
        run.output.result(found.document, lambda console: draw_schedule(console, found))


@app.command()
def pause(
    context: typer.Context,
    schedule: Schedule,
    project: OfProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Start nothing until it is resumed."""
    _change(context, schedule, project, {"is_paused": True}, as_json=as_json)


@app.command()
def resume(
    context: typer.Context,
    schedule: Schedule,
    project: OfProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Go on from now; what a pause left out is not made up for."""
    _change(context, schedule, project, {"is_paused": False}, as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    schedule: Schedule,
    project: OfProject = None,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a schedule; the jobs it started stay."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_schedule(crawlset, run.project(project), schedule)
        confirm_deletion(f"schedule {found.name!r}", yes=yes)
        crawlset.schedules.delete(found.project_id, found.id)
        run.output.result(
            {"deleted": found.id}, lambda console: console.print(f"deleted {found.id}")
        )


def find_schedule(crawlset: Crawlset, project: str, name_or_id: str) -> CrawlSchedule:
    """Raises `NotFoundHereError` if the project has none of this name or id."""
    project_id = find_project(crawlset, project).id
    if is_id(name_or_id):
        return crawlset.schedules.get(project_id, name_or_id)
    schedules = list(crawlset.schedules.list(project_id))
    for schedule in schedules:
        if schedule.name == name_or_id:
            return schedule
    if may_be_id(name_or_id):
        listing = f"crawlset schedules list --project {project}"
        return find_by_id(name_or_id, schedules, "schedule", listing)
    raise NotFoundHereError(f"The project {project!r} has no schedule named {name_or_id!r}.")


def draw_schedules(console: Console, schedules: Sequence[CrawlSchedule]) -> None:
    rows = [
        (
            schedule.id,
            schedule.name,
            schedule.cron or schedule.rate,
            schedule.timezone,
            "paused" if schedule.is_paused else _first(schedule.next_runs),
            moment(schedule.last_run_at) if schedule.last_run_at else None,
        )
        for schedule in schedules
    ]
    table(console, ("id", "name", "when", "time zone", "next run", "last run"), rows)


def draw_schedule(console: Console, schedule: CrawlSchedule) -> None:
    draw_schedules(console, [schedule])
    if schedule.next_runs:
        console.print("next runs")
        for run in schedule.next_runs:
            console.print(f"  {moment(run)}")


def _change(
    context: typer.Context,
    schedule: str,
    project: str | None,
    changes: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_schedule(crawlset, run.project(project), schedule)
        changed = crawlset.schedules.update(found.project_id, found.id, **changes)
        run.output.result(changed.document, lambda console: draw_schedule(console, changed))


def _first(moments: Sequence[datetime]) -> str | None:
    return moment(moments[0]) if moments else None

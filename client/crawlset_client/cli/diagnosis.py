"""`crawlset doctor`."""

import os
from collections.abc import Iterator, Mapping
from functools import partial

import typer
from rich.console import Console

from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.config import find_home, working_directory
from crawlset_client.doctor import machine
from crawlset_client.doctor.findings import Check, Finding, State, examine, ok, wrong
from crawlset_client.doctor.service import check_service
from crawlset_client.errors import ConfigError
from crawlset_client.text import printable

MARKS = {"ok": "✓", "warning": "!", "wrong": "✗"}

app = typer.Typer()


@app.command()
def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Look for what is wrong here, and say how to mend it."""
    with running(context, as_json=as_json) as run:
        findings = list(examine(_checks(run)))
        is_well = all(finding.state != State.wrong for finding in findings)
        document = {
            "ok": is_well,
            "findings": [
                {
                    "name": finding.name,
                    "state": finding.state,
                    "found": finding.found,
                    "mend": finding.mend,
                }
                for finding in findings
            ],
        }
        run.output.result(document, lambda console: draw(console, findings))
        if not is_well:
            raise typer.Exit(1)


def draw(console: Console, findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = f"{MARKS[finding.state]} {finding.name:<{width}}  {finding.found}"
        console.print(printable(line), soft_wrap=True)
        if finding.mend:
            console.print(f"  {'':<{width}}  → {printable(finding.mend)}", soft_wrap=True)


def _checks(run: Run) -> Mapping[str, Check]:
    return {
        "versions": machine.check_versions,
        "packages": machine.check_packages,
        "shell": partial(machine.check_shell, os.environ),
        "settings": partial(_check_settings, run),
        "service": partial(_check_service, run),
        **_laptop_checks(),
    }


def _check_settings(run: Run) -> Iterator[Finding]:
    try:
        config = run.config
    except ConfigError as error:
        yield wrong("settings", error.detail, "Mend it; docs/cli.md has the settings.")
        return
    origin = config.settings["api_url"].origin
    yield ok("settings", f"{config.api_url}, from {origin}")


def _check_service(run: Run) -> Iterator[Finding]:
    try:
        config = run.config
    except ConfigError:
        return
    yield from check_service(config, run.outside.transport)


def _laptop_checks() -> Mapping[str, Check]:
    """None where the laptop's cloud is not installed; the packages' check says so."""
    try:
        from crawlset_client.doctor import laptop  # noqa: PLC0415 - not always installed
    except ModuleNotFoundError:
        return {}
    home = find_home(os.environ, working_directory())
    database_url = os.environ.get("DATABASE_URL") or None
    return {
        "home": partial(laptop.check_home, home),
        "ports": partial(laptop.check_ports, home),
        "database": partial(laptop.check_database, home, database_url),
        "secrets": partial(laptop.check_secrets, home, os.environ),
        "measures": laptop.check_measures,
    }

"""`crawlset migrate-datasets`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.errors import NotMigratedError
from crawlset_client.migration import Entry, Outcome, Row, migrate, read_rows, report_of
from crawlset_client.progress import Snapshot

app = typer.Typer()


@app.command()
def migrate_datasets(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, help="Rows of the old table, JSON lines."
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move old datasets: each becomes a project with a crawl job, which starts."""
    with running(context, as_json=as_json) as run:
        rows = read_rows(file)
        entries = list(_checked(rows) if dry_run else _moving(run, file, rows))
        counts = {"rows": len(rows), "migrated": 0, "skipped": 0, "refused": 0}
        for entry in entries:
            counts[entry.outcome] += 1
        refused = [entry for entry in entries if entry.outcome == "refused"]
        for entry in refused:
            run.output.note(f"line {entry.line}: {entry.detail}")
        if refused:
            error = NotMigratedError(
                f"{len(refused)} of {len(rows)} rows are no datasets that could be moved."
            )
            error.subject = {"counts": counts}
            raise error
        verb = "could be moved" if dry_run else f"moved; see {report_of(file)}"
        run.output.result(
            {"counts": counts},
            lambda console: console.print(
                f"{counts['migrated']} datasets {verb}, {counts['skipped']} were before.",
                soft_wrap=True,
            ),
        )


def _checked(rows: Sequence[Row]) -> Iterator[Entry]:
    for row in rows:
        outcome = Outcome.migrated if row.dataset else Outcome.refused
        yield Entry(line=row.line, outcome=outcome, detail=row.problem)


def _moving(run: Run, file: Path, rows: Sequence[Row]) -> Iterator[Entry]:
    label = f"Moving {file.name}"
    with run.connect() as crawlset, run.display() as display:
        display.show(Snapshot(label, "running", 0, len(rows), "datasets"))
        entries = migrate(rows, report_of(file), crawlset, run.outside.sleep)
        for done, entry in enumerate(entries, 1):
            display.show(Snapshot(label, "running", done, len(rows), "datasets"))
            yield entry
        display.show(Snapshot(label, "completed", len(rows), len(rows), "datasets"))

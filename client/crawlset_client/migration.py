"""
Old datasets, moved into projects and crawl jobs; a report beside the file says what became of each.

The report gets a line as soon as a dataset is moved or refused, and one that is moved is not moved
again: what was interrupted goes on where it stopped.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from crawlset_client.api import Crawlset
from crawlset_client.errors import ApiError, InvalidListError
from crawlset_client.models import MovedDataset

PLACE_EVERY_SECONDS = 10.0
"""How often an account that has as many crawl jobs as it may is asked again."""
REFUSED = frozenset({400, 409, 422})
"""What a dataset is refused with; any other error is not the dataset's."""
NO_PLACE = "ActiveJobsExceededError"


class Outcome(StrEnum):
    migrated = "migrated"
    refused = "refused"
    skipped = "skipped"
    """Moved by an earlier run."""


Text = Annotated[str, Meta(min_length=1)]


class OldDataset(msgspec.Struct, frozen=True):
    """A row of the old table; its other columns are not read."""

    id: Annotated[str, Meta(min_length=1, max_length=200)] | int | float
    name: Text | int | float
    keywords: Annotated[list[Text | int | float], Meta(min_length=1)]
    max_images: Annotated[int, Meta(ge=1)] | None = None
    search_engines: list[str] = []

    @property
    def key(self) -> str:
        """The id as text, whichever type the old table had for it."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file: a dataset, or what is wrong with it."""

    line: int
    dataset: OldDataset | None
    problem: str | None = None


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the report."""

    line: int
    outcome: Outcome
    id: str | None = None
    project_id: str | None = None
    crawl_job_id: str | None = None
    detail: str | None = None


def report_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.report.jsonl")


def read_rows(path: Path) -> list[Row]:
    """Every line that is not blank. Raises `InvalidListError` for a file that is no text."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidListError(path, f"byte {error.start:,} is not UTF-8") from error
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        row = _row(line, text)
        if row.dataset is not None:
            first = seen.setdefault(row.dataset.key, line)
            if first != line:
                row = Row(line, None, f"line {first} has the id {row.dataset.key} already")
        rows.append(row)
    return rows


def migrate(
    rows: Sequence[Row], report: Path, crawlset: Crawlset, sleep: Callable[[float], None]
) -> Iterator[Entry]:
    """
    Move each dataset, in order; what became of it is in the report before it is told.

    Waits for a place when the account has as many crawl jobs as it may have.

    Raises:
        InvalidListError: the report is none.
        CrawlsetError: the service fails, or refuses for a reason that is not the dataset's.
    """
    moved = _moved(report)
    with report.open("a", encoding="utf-8") as lines:
        for row in rows:
            if row.dataset is not None and row.dataset.key in moved:
                yield msgspec.structs.replace(moved[row.dataset.key], outcome=Outcome.skipped)
                continue
            entry = _move(row, crawlset, sleep)
            lines.write(msgspec.json.encode(entry).decode() + "\n")
            lines.flush()
            yield entry


def _row(line: int, text: str) -> Row:
    try:
        return Row(line, msgspec.convert(json.loads(text), OldDataset))
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        return Row(line, None, f"{place.rstrip('`') or 'the row'}: {what}")
    except ValueError as error:
        return Row(line, None, f"not JSON: {error}")


def _moved(report: Path) -> dict[str, Entry]:
    """By the dataset's id. The last line may have been cut short; any other must be whole."""
    if not report.exists():
        return {}
    text = report.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    try:
        entries = [msgspec.json.decode(line, type=Entry) for line in whole.splitlines()]
    except msgspec.DecodeError as error:
        raise InvalidListError(report, "it is no report of a migration") from error
    if whole != text:
        if not (entries or text.startswith("{")):
            raise InvalidListError(report, "it is no report of a migration")
        report.write_text(whole, encoding="utf-8")
    return {str(e.id): e for e in entries if e.outcome is Outcome.migrated}


def _move(row: Row, crawlset: Crawlset, sleep: Callable[[float], None]) -> Entry:
    if row.dataset is None:
        return Entry(line=row.line, outcome=Outcome.refused, detail=row.problem)
    while True:
        try:
            made = _create(crawlset, row.dataset)
        except ApiError as error:
            if error.code == NO_PLACE:
                sleep(PLACE_EVERY_SECONDS)
                continue
            if error.status not in REFUSED:
                raise
            return Entry(
                line=row.line, id=row.dataset.key, outcome=Outcome.refused, detail=error.detail
            )
        return Entry(
            line=row.line,
            id=row.dataset.key,
            outcome=Outcome.migrated,
            project_id=made.project_id,
            crawl_job_id=made.crawl_job_id,
            detail=" ".join(made.warnings) or None,
        )


def _create(crawlset: Crawlset, dataset: OldDataset) -> MovedDataset:
    """
    Create a project and its crawl job by the deprecated route that takes old datasets.

    The same ones for the same id, for a day.
    """
    body: dict[str, Any] = {
        "name": str(dataset.name),
        "keywords": [str(keyword) for keyword in dataset.keywords],
        "search_engines": dataset.search_engines,
    }
    if dataset.max_images is not None:
        body["max_images"] = dataset.max_images
    digest = hashlib.sha256(dataset.key.encode()).hexdigest()
    key = f"dataset-{digest}"
    return crawlset.connection.post(MovedDataset, "datasets", body, idempotency_key=key)

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
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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


class OldDataset(BaseModel):
    """A row of the old table; its other columns are not read."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    name: Annotated[str, Field(min_length=1)]
    keywords: Annotated[list[str], Field(min_length=1)]
    max_images: Annotated[int, Field(ge=1)] | None = None
    search_engines: list[str] = []


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file: a dataset, or what is wrong with it."""

    line: int
    dataset: OldDataset | None
    problem: str | None = None


class Entry(BaseModel):
    """A line of the report."""

    line: int
    id: str | None = None
    outcome: Outcome
    project_id: str | None = None
    crawl_job_id: str | None = None
    detail: str | None = None


class Datasets(Crawlset):
    """The service, with its deprecated route that old datasets come in by."""

    def create_dataset(self, dataset: OldDataset) -> MovedDataset:
        """A project and its crawl job; the same ones for the same id, for a day."""
        body = dataset.model_dump(exclude={"id"}, exclude_none=True)
        digest = hashlib.sha256(dataset.id.encode()).hexdigest()
        return self._post(MovedDataset, "datasets", body, idempotency_key=f"dataset-{digest}")


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
            first = seen.setdefault(row.dataset.id, line)
            if first != line:
                row = Row(line, None, f"line {first} has the id {row.dataset.id} already")
        rows.append(row)
    return rows


def migrate(
    rows: Sequence[Row], report: Path, crawlset: Datasets, sleep: Callable[[float], None]
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
            if row.dataset is not None and row.dataset.id in moved:
                yield moved[row.dataset.id].model_copy(update={"outcome": Outcome.skipped})
                continue
            entry = _move(row, crawlset, sleep)
            lines.write(entry.model_dump_json(exclude_none=True) + "\n")
            lines.flush()
            yield entry


def _row(line: int, text: str) -> Row:
    try:
        return Row(line, OldDataset.model_validate(json.loads(text)))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the row"
        return Row(line, None, f"{place}: {first['msg']}")
    except ValueError as error:
        return Row(line, None, f"not JSON: {error}")


def _moved(report: Path) -> dict[str, Entry]:
    """By the dataset's id. The last line may have been cut short; any other must be whole."""
    if not report.exists():
        return {}
    text = report.read_text(encoding="utf-8")
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        report.write_text(text, encoding="utf-8")
    try:
        entries = [Entry.model_validate_json(line) for line in text.splitlines()]
    except ValidationError as error:
        raise InvalidListError(report, "it is no report of a migration") from error
    return {str(e.id): e for e in entries if e.outcome is Outcome.migrated}


def _move(row: Row, crawlset: Datasets, sleep: Callable[[float], None]) -> Entry:
    if row.dataset is None:
        return Entry(line=row.line, outcome=Outcome.refused, detail=row.problem)
    while True:
        try:
            made = crawlset.create_dataset(row.dataset)
        except ApiError as error:
            if error.code == NO_PLACE:
                sleep(PLACE_EVERY_SECONDS)
                continue
            if error.status not in REFUSED:
                raise
            return Entry(
                line=row.line, id=row.dataset.id, outcome=Outcome.refused, detail=error.detail
            )
        return Entry(
            line=row.line,
            id=row.dataset.id,
            outcome=Outcome.migrated,
            project_id=made.project_id,
            crawl_job_id=made.crawl_job_id,
            detail=" ".join(made.warnings) or None,
        )

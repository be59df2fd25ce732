"""From a line of an outcome to the row of its image."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from crawlset.images.repository import ImageRepository, Open
from crawlset.kit.strict_json import field_names
from crawlset.models import CrawlJob
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.takedowns import blocklist
from crawlset.takedowns.blocklist import Blocklist, Sighting
from crawlset.takedowns.repository import TakedownRepository
from crawlset.wire.outcomes import UrlOutcome

MAX_DETAIL = 500
FETCHED = tuple(
    name
    for name in field_names(UrlOutcome)
    if name not in {"n", "outcome", "detail", "sha256", "signature", "change", "defer"}
)
"""Columns of an image that are written as its line has them."""
NO_PLACE = {"pack_key": None, "pack_offset": None, "pack_length": None}
REFUSED = {
    "status": ImageStatus.refused,
    "outcome": Outcome.refused_takedown,
    "embedded": None,
    "signature": None,
}

Result = tuple[Open, UrlOutcome]
"""An image that waits, and the line that says what became of it."""


def settled_rows(
    session: Session, job: CrawlJob, pack_key: str | None, results: Sequence[Result]
) -> list[dict[str, Any]]:
    """
    What to write of each image; all rows have the same keys.

    Bytes that the job has stored already make a duplicate of whichever came first.
    """
    rows = [_row(image.id, pack_key, line) for image, line in results]
    _refuse_taken_down(session, job, rows)
    digests = {row["sha256"] for row in rows if row["outcome"] is Outcome.stored}
    keepers = ImageRepository(session).stored_by_sha256(job, digests)
    return list(_without_duplicates(rows, keepers))


def detail_of(line: UrlOutcome) -> str | None:
    return line.detail and line.detail[:MAX_DETAIL]


def _row(image_id: int, pack_key: str | None, line: UrlOutcome) -> dict[str, Any]:
    return {
        "id": image_id,
        "status": line.outcome.status,
        "outcome": line.outcome,
        "detail": detail_of(line),
        "sha256": bytes.fromhex(line.sha256) if line.sha256 else None,
        "signature": base64.b64decode(line.signature) if line.signature else None,
        "pack_key": pack_key if line.outcome is Outcome.stored else None,
        "duplicate_of": None,
        **{name: getattr(line, name) for name in FETCHED},
    }


def _refuse_taken_down(session: Session, job: CrawlJob, rows: Sequence[dict[str, Any]]) -> None:
    """What shows only once a picture is there: where it came from in the end, and how it looks."""
    takedowns = TakedownRepository(session)
    blocked = Blocklist(takedowns.list_in_force(job.project_id))
    stored = [row for row in rows if row["outcome"] is Outcome.stored]
    taken = takedowns.taken_down_sha256(job, [row["sha256"] for row in stored])
    for row in stored:
        found = blocked.find(Sighting(row["final_url"] or "", phashes=row["phashes"] or ()))
        if found is not None:
            row.update(NO_PLACE | REFUSED, detail=blocklist.detail_of(found.id))
        elif row["sha256"] in taken:
            row.update(NO_PLACE | REFUSED, detail=taken[row["sha256"]])


def _without_duplicates(
    rows: Iterable[dict[str, Any]], keepers: dict[bytes, int]
) -> Iterable[dict[str, Any]]:
    for row in rows:
        if row["outcome"] is Outcome.stored:
            keeper = keepers.setdefault(row["sha256"], row["id"])
            if keeper != row["id"]:
                yield _as_duplicate(row, keeper)
                continue
        yield row


def _as_duplicate(row: dict[str, Any], keeper: int) -> dict[str, Any]:
    return row | {
        "status": Outcome.duplicate_bytes.status,
        "outcome": Outcome.duplicate_bytes,
        "duplicate_of": keeper,
        **NO_PLACE,
    }

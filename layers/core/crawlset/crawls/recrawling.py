"""Write down what asking for stored pictures again has shown."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from crawlset.crawls.results import Result, detail_of, settled_rows
from crawlset.images.repository import ImageRepository
from crawlset.models import Change, CrawlJob
from crawlset.outcomes import ImageStatus, Outcome


def settle(
    session: Session, job: CrawlJob, pack_key: str | None, results: Sequence[Result]
) -> None:
    """
    New bytes take the place of the old, and a refusal takes the picture out of the dataset.

    What is unchanged, or gone from its URL, stays as it is stored; what could not be asked for
    says why and is no older for it.
    """
    images = ImageRepository(session)
    renewed = [result for result in results if _is_renewed(result[1])]
    rows = settled_rows(session, job, pack_key, renewed)
    changes = {image.id: line["change"] for image, line in renewed}
    images.renew([row | {"change": _change(changes[row["id"]])} for row in rows])
    images.note_check([_unchanged(r) for r in results if r[1]["change"] == Change.unchanged])
    images.note_check([_gone(r) for r in results if r[1]["change"] == Change.gone])
    images.note_failed_check(
        [
            {"id": image.id, "detail": detail_of(line)}
            for image, line in results
            if line["change"] is None and not _is_renewed(line)
        ]
    )


def _is_renewed(line: dict[str, Any]) -> bool:
    outcome = Outcome(line["outcome"])
    return outcome.status is ImageStatus.refused or (
        outcome is Outcome.stored and line["sha256"] is not None
    )


def _change(name: str | None) -> Change | None:
    return Change(name) if name is not None else None


def _unchanged(result: Result) -> dict[str, Any]:
    image, line = result
    return {
        "id": image.id,
        "change": Change.unchanged,
        "detail": None,
        "etag": line["etag"],
        "last_modified": line["last_modified"],
    }


def _gone(result: Result) -> dict[str, Any]:
    image, line = result
    return {"id": image.id, "change": Change.gone, "detail": detail_of(line)}

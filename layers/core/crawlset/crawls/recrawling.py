"""Write down what asking for stored pictures again has shown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from crawlset.crawls.results import Result, detail_of, settled_rows
from crawlset.images.repository import ImageRepository
from crawlset.models import CrawlJob
from crawlset.outcomes import Change, ImageStatus, Outcome
from crawlset.takedowns import pack_rewrites
from crawlset.wire.outcomes import UrlOutcome

REFUSED = "refused"
FAILED = "failed"


def settle(
    session: Session, job: CrawlJob, pack_key: str | None, results: Sequence[Result]
) -> None:
    """
    New bytes take the place of the old, and a refusal takes the picture out of the dataset.

    The bytes that they leave are removed from their pack. What is unchanged, or gone from its URL,
    stays as it is stored; what could not be asked for stays too, and says why. The pictures renewed
    are open again before they are settled, so that two may swap their bytes. Of the others that
    have the bytes a picture had, the first keeps them from now on.
    """
    images = ImageRepository(session)
    renewed = [result for result in results if _is_renewed(result[1])]
    duplicated = images.list_duplicated([image.id for image, _ in renewed])
    left_packs: set[str | None] = {*images.list_packs([image.id for image, _ in renewed])}
    images.reopen([image.id for image, _ in renewed])
    rows = settled_rows(session, job, pack_key, renewed)
    changes = {image.id: line.change for image, line in renewed}
    images.renew([row | {"change": changes[row["id"]]} for row in rows])
    for keeper in duplicated:
        left_packs.add(images.promote_duplicate(keeper))
    pack_rewrites.ask(session, job, {key for key in left_packs if key is not None})
    images.note_check([_unchanged(r) for r in results if r[1].change is Change.unchanged])
    images.note_check([_gone(r) for r in results if r[1].change is Change.gone])
    images.note_failed_check(
        [
            {"id": image.id, "detail": detail_of(line)}
            for image, line in results
            if line.change is None and not _is_renewed(line)
        ]
    )


def found(results: Iterable[Result]) -> dict[str, int]:
    """How many there are of each: a change, or what keeps it from being told."""
    return dict(Counter(_found(line) for _, line in results))


def _found(line: UrlOutcome) -> str:
    if line.change is not None:
        return line.change.value
    return REFUSED if line.outcome.status is ImageStatus.refused else FAILED


def _is_renewed(line: UrlOutcome) -> bool:
    return line.outcome.status is ImageStatus.refused or (
        line.outcome is Outcome.stored and line.sha256 is not None
    )


def _unchanged(result: Result) -> dict[str, Any]:
    image, line = result
    return {
        "id": image.id,
        "change": Change.unchanged,
        "detail": None,
        "etag": line.etag,
        "last_modified": line.last_modified,
    }


def _gone(result: Result) -> dict[str, Any]:
    image, line = result
    return {"id": image.id, "change": Change.gone, "detail": detail_of(line)}

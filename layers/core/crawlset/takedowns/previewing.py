"""Add up what a takedown would take, and change nothing."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, Takedown
from crawlset.takedowns.applying import meant
from crawlset.takedowns.repository import TakedownRepository
from crawlset.takedowns.schemas import TakenExport
from crawlset.takedowns.taken_repository import TakenRepository


@dataclass(slots=True)
class Meant:
    """The images that a takedown means in a project, and the exports that hold them."""

    n_images: int = 0
    n_stored: int = 0
    n_bytes: int = 0
    n_jobs: int = 0
    exports: list[TakenExport] = field(default_factory=list)


def preview(session: Session, takedown: Takedown) -> Meant:
    """Count what `apply` would hide: what the takedown means, then whatever has the same bytes."""
    job_ids = TakedownRepository(session).list_jobs(takedown)
    jobs = [TakenRepository(session, session.get_one(CrawlJob, job_id)) for job_id in job_ids]
    named = [meant(taken, takedown) for taken in jobs]
    digests: set[bytes] = set()
    for taken, ids in zip(jobs, named, strict=True):
        digests |= taken.digests(ids) if ids else set()
    added_up = Meant()
    for taken, ids in zip(jobs, named, strict=True):
        copies = taken.list_same_bytes(digests) if digests else ()
        if found := [*{*ids, *copies}]:
            _add(added_up, taken, found)
    return added_up


def _add(added_up: Meant, taken: TakenRepository, ids: list[int]) -> None:
    extent = taken.extent(ids)
    added_up.n_images += len(ids)
    added_up.n_stored += extent.n_stored
    added_up.n_bytes += extent.n_bytes
    added_up.n_jobs += 1
    added_up.exports += [
        TakenExport(
            export_job_id=export.export_job_id,
            crawl_job_id=taken.job.id,
            n_images=export.n_images,
            exported_at=export.exported_at,
        )
        for export in taken.exports(ids)
    ]

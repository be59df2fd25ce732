"""Complete a takedown once a listing of the bucket shows that its bytes are gone."""

from uuid import UUID

from crawlset.exports import files
from crawlset.kit import db
from crawlset.observability import logger
from crawlset.takedowns import recorded_outcomes, taken_vectors, unowned_packs
from crawlset.takedowns.repository import TakedownRepository
from crawlset.wire import keys


def complete_if_gone(user_id: UUID, takedown_id: UUID) -> bool:
    """
    Complete the takedown if nothing in the bucket can have its bytes; say whether this call did.

    Packs that rows own were rewritten without it. What else the listing finds is deleted: packs
    that no row owns, and files of exports that have ended without completing; outcomes that are
    recorded are emptied; vectors that were made of it go. A pack that waits for
    its chunk's outcome since before the takedown was applied may have its bytes: then the tick asks
    again. What came later was refused when it was recorded.
    """
    with db.transaction(user_id) as session:
        repository = TakedownRepository(session)
        takedown = repository.lock(takedown_id)
        if takedown is None or not repository.is_removed_in_rows(takedown):
            return False
        applied_at = takedown.applied_at
        export_ids = repository.list_ended_exports(takedown)
        job_ids = repository.list_jobs(takedown)
        unrecorded = repository.unrecorded_chunks(takedown)
    for export_id in export_ids:
        files.delete_all(export_id)
    awaited = [
        written_at
        for job_id in job_ids
        for written_at in unowned_packs.remove_below(keys.chunks_prefix(job_id), user_id)
    ]
    if applied_at is not None and any(written_at <= applied_at for written_at in awaited):
        logger.info("takedown_awaits_chunks", takedown_id=str(takedown_id), packs=len(awaited))
        return False
    for job_id, chunk_ids in unrecorded.items():
        recorded_outcomes.empty_below(keys.chunks_prefix(job_id), chunk_ids)
    for job_id in job_ids:
        taken_vectors.remove(user_id, job_id)
    with db.transaction(user_id) as session:
        return TakedownRepository(session).complete(takedown_id)

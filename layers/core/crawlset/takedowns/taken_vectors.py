"""Remove vectors of what was taken down: whole parts, whose other images are measured anew."""

from uuid import UUID

from crawlset.kit import db, objects
from crawlset.observability import logger
from crawlset.takedowns.vector_repository import VectorRepository
from crawlset.wire import keys


def remove(user_id: UUID, job_id: UUID) -> None:
    """
    Delete the parts of a job's vectors that may have one of an image that was taken down.

    Rows first: what breaks off in between is listed again.
    """
    for key in objects.list_keys(keys.vectors_prefix(job_id)):
        first, last = keys.images_of_vectors(key)
        with db.transaction(user_id) as session:
            repository = VectorRepository(session)
            is_meant = repository.has_taken(job_id, first, last)
            if is_meant:
                repository.forget(job_id, first, last)
        if is_meant:
            objects.delete(key)
            logger.info("vectors_removed", key=key)

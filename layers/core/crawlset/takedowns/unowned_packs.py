"""
Remove packs that no row owns.

A fetcher that died has left one, or one whose chunk ended before it was done: its outcome comes too
late. So has a pack none of whose images was kept, all being duplicates for one.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import batched
from uuid import UUID

from crawlset.kit import db, objects
from crawlset.observability import logger
from crawlset.takedowns.pack_repository import PackRepository
from crawlset.wire import keys

PACKS_AT_ONCE = 1_000


def remove_below(prefix: str, user_id: UUID | None = None) -> list[datetime]:
    """
    Delete the packs below `prefix`, a folder of `jobs/`, that no row owns.

    Gives when those were written that a row may come to own: of chunks that have not ended, or
    that are being rewritten.
    """
    awaited: list[datetime] = []
    packs = ((key, at) for key, at in objects.list_written(prefix) if keys.is_pack(key))
    for listed in batched(packs, PACKS_AT_ONCE):
        written_at = dict(listed)
        awaited += (written_at[key] for key in remove(written_at, user_id))
    return awaited


def remove(pack_keys: Iterable[str], user_id: UUID | None = None) -> frozenset[str]:
    """Delete those of these packs that no row owns; gives those that a row may come to own."""
    with db.transaction(user_id) as session:
        repository = PackRepository(session)
        unowned, awaited = repository.ownership(list(pack_keys))
        if unowned:
            repository.forget(unowned)
    if unowned:
        objects.delete_many(unowned)
        logger.info("unowned_packs_removed", packs=sorted(unowned))
    return awaited

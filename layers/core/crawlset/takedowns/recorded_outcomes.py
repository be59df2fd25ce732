"""
Empty the outcomes of recorded chunks: they have what files say about themselves, as rows had it.

An outcome that is empty still keeps a fetcher that comes late from writing another.
"""

from collections.abc import Collection
from uuid import UUID

from crawlset.kit import objects
from crawlset.wire import keys
from crawlset.wire.outcomes import OutcomeHead
from crawlset.wire.record import pack

EMPTY = pack(OutcomeHead(None))


def empty_below(prefix: str, unrecorded: Collection[UUID] = ()) -> None:
    """Empty those below `prefix` but of the chunks that are to be recorded yet."""
    for key, size in objects.list_sizes(prefix):
        is_full = keys.is_outcome(key) and size > len(EMPTY)
        if is_full and keys.parse_outcome(key).chunk_id not in unrecorded:
            objects.put(key, EMPTY)

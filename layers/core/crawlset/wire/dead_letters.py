"""What a message stands for that nobody could read, or act upon."""

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple
from uuid import UUID

from crawlset.kit.strict_json import MalformedJsonError
from crawlset.wire import keys
from crawlset.wire.notices import keys_of_event

REPEATED = ("delivery_id", "host_proof_id", "probe_id", "takedown_id", "rewrite_id")
"""
Fields of messages that stand for nothing to be ended: the lease of a delivery or of a host's check
ends and the next attempt begins, the next estimate probes again, the tick sends for takedowns and
rewrites.
"""


class Work(NamedTuple):
    """A piece of a crawl job."""

    job_id: UUID
    kind: Literal["chunk", "search"]
    id: UUID


def work_of(body: str) -> list[Work]:
    """
    The work that a message stands for, whatever its version and its other fields.

    Raises `MalformedJsonError` where it names none that we know.
    """
    try:
        return list(_work_of(json.loads(body)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedJsonError(f"The message names no work: {error!r:.100}") from None


def _work_of(message: dict[str, Any]) -> Iterator[Work]:
    if message.keys() & set(REPEATED):
        return
    for kind in ("chunk", "search"):
        if f"{kind}_id" in message:
            yield Work(UUID(message["job_id"]), kind, UUID(message[f"{kind}_id"]))
            return
    for key in [message["key"]] if "key" in message else keys_of_event(message):
        if keys.is_probe(key) or keys.is_deferral(key):
            continue  # the next estimate asks again; the sweeper finds a search that has stopped
        if key.endswith("/outcome"):
            outcome = keys.parse_outcome(key)
            yield Work(outcome.job_id, "chunk", outcome.chunk_id)
        else:
            part = keys.parse_candidates(key)
            yield Work(part.job_id, "search", part.search_id)

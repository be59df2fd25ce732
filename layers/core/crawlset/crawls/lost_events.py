"""
Send again the notice of objects whose event from S3 did not come.

Events usually come within a second, and rarely later or never. What waits for one is looked for in
the bucket after a minute, some of it each minute; the sweep looks for all of it in the end.
"""

from collections.abc import Iterator
from datetime import timedelta

from crawlset import outbox
from crawlset.crawls import sweeping
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.search_repository import SearchRepository
from crawlset.kit import db, objects
from crawlset.models import Target
from crawlset.observability import logger
from crawlset.outbox import Message
from crawlset.wire import keys
from crawlset.wire.notices import ObjectNotice

WAIT = timedelta(minutes=1)
"""How long a row has not moved."""
WRITTEN = timedelta(minutes=1)
"""How long an object has been there."""
CHUNKS = 100
"""Looked at in a round, each with a request; others have their turn in another."""
SEARCHES = 20


def send_again() -> int:
    """
    Notices of outcomes and of parts that nobody has recorded or planned; say how many.

    None while others wait in their queue, of which they may be.
    """
    messages: list[Message] = []
    if outbox.is_quiet(Target.results):
        messages += _outcomes()
    if outbox.is_quiet(Target.plan):
        messages += _parts()
    with db.transaction() as session:
        outbox.post(session, messages)
    if messages:
        logger.warning("events_sent_again", messages=len(messages))
    return len(messages)


def _outcomes() -> Iterator[Message]:
    with db.transaction() as session:
        chunks = ChunkRepository(session).sample_queued(WAIT, sweeping.STALLED, CHUNKS)
    for chunk in chunks:
        key = keys.outcome(chunk.crawl_job_id, chunk.id)
        if objects.exists(key):
            yield Message(Target.results, ObjectNotice(key).to_json())


def _parts() -> Iterator[Message]:
    with db.transaction() as session:
        now = db.now(session)
        searches = SearchRepository(session).sample_queued(WAIT, sweeping.STALLED, SEARCHES)
    for search in searches:
        prefix = keys.candidates_prefix(search.crawl_job_id)
        for key, written_at in objects.list_written(prefix):
            part = keys.parse_candidates(key)
            is_planned = part.search_id != search.id or part.part in search.planned_parts
            if not is_planned and written_at < now - WRITTEN:
                yield Message(Target.plan, ObjectNotice(key).to_json())

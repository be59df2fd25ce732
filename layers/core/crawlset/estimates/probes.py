"""What sources say they have of a keyword: asked through their queue, kept for a day."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.estimates.repository import Pair, ProbeRepository
from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.models import SourceProbe, Target
from crawlset.observability import logger
from crawlset.outbox import Message
from crawlset.sources.probing import SAMPLE
from crawlset.wire.searches import IntendedUse, ProbeAnswer, ProbeMessage, SearchRequest

MAX_ASKED = 60
"""Questions of one estimate."""
KEPT = timedelta(days=30)


def ask(
    session: Session, user_id: UUID, pairs: Sequence[Pair], use: IntendedUse
) -> dict[Pair, SourceProbe]:
    """What is known of the first sixty pairs; those that nobody asked about lately are asked."""
    pairs = pairs[:MAX_ASKED]
    if not pairs:
        return {}
    repository = ProbeRepository(session)
    asked = repository.ask(user_id, pairs)
    outbox.post(session, [_message(probe, use) for probe in asked])
    known = repository.list_of(user_id, pairs)
    return {(probe.source, probe.keyword): probe for probe in known}


def record(key: str) -> None:
    """Write down what the probe at `key` was told; one that is gone is of no use any more."""
    told = ProbeAnswer.from_json(next(objects.get_lines(key), None))
    with db.transaction(told.user_id) as session:
        ProbeRepository(session).record(told)
    logger.info("probe_recorded", probe_id=str(told.probe_id), total=told.total)


def _message(probe: SourceProbe, use: IntendedUse) -> Message:
    """In the source's own group, so that it keeps to the source's limits."""
    request = SearchRequest(
        source=probe.source, keyword=probe.keyword, limit=SAMPLE, intended_use=use
    )
    return Message(
        target=Target.discover,
        body=ProbeMessage(probe.user_id, probe.id, request).to_json(),
        group_id=probe.source,
        deduplication_id=str(new_id()),
    )

"""What sources say they have of a keyword: asked through their queue, kept for a day."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.models import SourceProbe, Target
from crawlset.observability import logger
from crawlset.outbox import Message
from crawlset.sources.probing import SAMPLE
from crawlset.wire.searches import IntendedUse, ProbeAnswer, ProbeMessage, SearchRequest

FRESH = timedelta(days=1)
LOST = timedelta(minutes=15)
"""A question not answered for so long, or answered by an error, may be asked again."""
MAX_ASKED = 60
"""Questions of one estimate."""
KEPT = timedelta(days=30)

Pair = tuple[str, str]
"""Source and keyword."""


def ask(
    session: Session, user_id: UUID, pairs: Sequence[Pair], use: IntendedUse
) -> dict[Pair, SourceProbe]:
    """What is known of the first sixty pairs; those that nobody asked about lately are asked."""
    pairs = pairs[:MAX_ASKED]
    if not pairs:
        return {}
    rows = [
        {"id": new_id(), "user_id": user_id, "source": source, "keyword": keyword}
        for source, keyword in pairs
    ]
    asked = session.scalars(
        insert(SourceProbe)
        .values(rows)
        .on_conflict_do_update(
            index_elements=["user_id", "source", "keyword"],
            set_={
                "asked_at": func.now(),
                "answered_at": None,
                "total": None,
                "n_sampled": 0,
                "licences": {},
                "error_message": None,
            },
            where=or_(
                SourceProbe.asked_at < func.now() - FRESH,
                and_(
                    or_(SourceProbe.answered_at.is_(None), SourceProbe.error_message.is_not(None)),
                    SourceProbe.asked_at < func.now() - LOST,
                ),
            ),
        )
        .returning(SourceProbe)
        .execution_options(populate_existing=True)
    ).all()
    outbox.post(session, [_message(probe, use) for probe in asked])
    known = session.scalars(
        select(SourceProbe).where(
            SourceProbe.user_id == user_id,
            tuple_(SourceProbe.source, SourceProbe.keyword).in_(pairs),
        )
    )
    return {(probe.source, probe.keyword): probe for probe in known}


def record(key: str) -> None:
    """Write down what the probe at `key` was told; one that is gone is of no use any more."""
    told = ProbeAnswer.from_json(next(objects.get_lines(key), None))
    with db.transaction(told.user_id) as session:
        session.execute(
            update(SourceProbe)
            .where(SourceProbe.id == told.probe_id)
            .values(
                answered_at=func.now(),
                total=told.total,
                n_sampled=told.n_sampled,
                licences=told.licences,
                error_message=told.error,
            )
            .execution_options(synchronize_session=False)
        )
    logger.info("probe_recorded", probe_id=str(told.probe_id), total=told.total)


def forget_old() -> int:
    """Remove what was asked a month ago; say how many."""
    return db.delete_older(SourceProbe.asked_at, KEPT)


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

"""
The outbox: messages are rows of the transaction that wants them sent.

`post` writes some, which whoever posts them sends after the commit; `relay` sends what is due. Both
forget what was sent. Rows are leased for a while, so that no transaction is open across a call, and
a crash between sending and forgetting sends a message twice: every consumer expects that.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from crawlset.kit import db, objects, queues
from crawlset.models import OutboxMessage, Target
from crawlset.observability import logger
from crawlset.settings import queue_settings
from crawlset.wire import keys

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LEASE = timedelta(seconds=30)
ROUND = 100
"""Messages that are leased at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """`group_id` and `deduplication_id` are for FIFO queues; for the pipeline the latter is the
    execution's name.
    """

    target: Target
    body: dict[str, Any]
    group_id: str | None = None
    deduplication_id: str | None = None


def post(session: Session, messages: Sequence[Message]) -> None:
    """
    Send `messages` once the transaction is durable.

    For the sake of speed the first `ROUND` of a transaction are leased by whoever posts them, and
    sent as soon as it has committed. The tick sends the others, those that could not be sent, and
    those of a savepoint, which may be rolled back.
    """
    if not messages:
        return
    posted: list[OutboxMessage] = session.info.setdefault("posted", [])
    room = 0 if session.in_nested_transaction() else ROUND - len(posted)
    at_once, later = messages[:room], messages[room:]
    if at_once:
        if not posted:
            db.after_commit(session, partial(_send_posted, db.acts_for(session), posted))
        posted += session.scalars(
            insert(OutboxMessage)
            .values(leased_until=func.clock_timestamp() + LEASE)
            .returning(OutboxMessage, sort_by_parameter_order=True),
            [asdict(message) for message in at_once],
        )
    if later:
        session.execute(insert(OutboxMessage), [asdict(message) for message in later])


def _send_posted(user_id: UUID | None, posted: Sequence[OutboxMessage]) -> None:
    """Send what was leased for it; whatever goes wrong, a tick sends it after the lease."""
    try:
        _forget(user_id, _send(posted))
    except Exception:  # noqa: BLE001 - the transaction is committed; the answer must not fail
        logger.exception("outbox_relay_failed")


def relay(user_id: UUID | None = None, *, limit: int = 5_000) -> int:
    """
    Send what is due, at most about `limit` messages; say how many were sent.

    Of `user_id`; the tick, who sees everybody's, needs none.
    """
    n_sent = 0
    while n_sent < limit:
        with db.single_statement(user_id) as session:
            leased = _lease(session)
        if not leased:
            break
        sent = _send(leased)
        _forget(user_id, sent)
        n_sent += len(sent)
        if len(leased) < ROUND:
            break
    return n_sent


def is_quiet(*targets: Target) -> bool:
    """
    Whether no message is on its way there, as far as the outbox and SQS know: about a minute late.

    Work that stands still for longer has lost its message then. False when SQS does not say.
    """
    with db.transaction() as session:
        if db.exists(session, OutboxMessage.target.in_(targets)):
            return False
    urls = [getattr(queue_settings(), f"{target}_queue_url") for target in targets]
    try:
        return queues.are_empty(*urls)
    except (BotoCoreError, ClientError):
        logger.exception("queues_not_counted")
        return False


def oldest_age_seconds(session: Session) -> float:
    """Age of the oldest message not sent yet, 0 if there is none."""
    age = func.extract("epoch", func.now() - func.min(OutboxMessage.created_at))
    return float(session.scalar(select(age)) or 0.0)


def _lease(session: Session) -> list[OutboxMessage]:
    due = (
        select(OutboxMessage.id)
        .where(OutboxMessage.leased_until <= func.now())
        .order_by(OutboxMessage.id)
        .limit(ROUND)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(due.scalar_subquery()))
        .values(leased_until=func.now() + LEASE)
        .returning(OutboxMessage)
    )
    return sorted(session.scalars(statement), key=lambda message: message.id)


def _forget(user_id: UUID | None, sent: Sequence[int]) -> None:
    if sent:
        with db.single_statement(user_id) as session:
            session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(sent)))


def _send(messages: Sequence[OutboxMessage]) -> list[int]:
    """Send; give the ids of those that were accepted. A target that fails keeps no other back."""
    by_target: dict[Target, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        by_target[message.target].append(message)
    sent: list[int] = []
    for target, group in by_target.items():
        if target is Target.pipeline:
            sent += [message.id for message in group if _ask_for_execution(message)]
        else:
            url = getattr(queue_settings(), f"{target}_queue_url")
            sent += map(int, queues.send(url, [_entry(message) for message in group]))
    return sent


def _entry(message: OutboxMessage) -> "SendMessageBatchRequestEntryTypeDef":
    """
    A standard queue is told whose message it is, so that no tenant's many hold up another's few.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(message.id),
        "MessageBody": json.dumps(message.body),
    }
    if message.group_id is not None:
        entry["MessageGroupId"] = message.group_id
        entry["MessageDeduplicationId"] = message.deduplication_id or str(message.id)
    elif message.user_id is not None:
        entry["MessageGroupId"] = str(message.user_id)
    return entry


def _ask_for_execution(message: OutboxMessage) -> bool:
    """Write what the execution is to begin with; the bucket tells the function that starts it."""
    name = message.deduplication_id or str(message.id)
    try:
        objects.put(keys.execution(name), json.dumps(message.body).encode(), "application/json")
    except (BotoCoreError, ClientError):
        logger.exception("execution_not_asked_for", execution=name)
        return False
    return True

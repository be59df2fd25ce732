"""The tick's part: send again for what nobody has done, or what was put off."""

from datetime import timedelta

from crawlset import outbox
from crawlset.images import rewrites
from crawlset.kit import db
from crawlset.takedowns.messages import message_of
from crawlset.takedowns.repository import PackRepository, TakedownRepository

ROUND = 200


def resend_due(*, everything: bool = False) -> int:
    """
    Post messages for takedowns that were never applied and rewrites that are due; say how many.

    With `everything`, whatever is unfinished: after queues were lost.
    """
    age = timedelta() if everything else rewrites.LOST
    with db.transaction() as session:
        takedowns = TakedownRepository(session).lease_unapplied(age, ROUND)
        due = PackRepository(session).lease_due(rewrites.LOST, ROUND, everything=everything)
        messages = [message_of(takedown) for takedown in takedowns]
        messages += [rewrites.message_of(rewrite) for rewrite in due]
        outbox.post(session, messages)
    return len(messages)

"""The tick's part: begin what is due, send again for what nobody has done or was put off."""

from datetime import timedelta

from crawlset import outbox
from crawlset.kit import db
from crawlset.models import Target
from crawlset.takedowns import pack_rewrites
from crawlset.takedowns.messages import message_of
from crawlset.takedowns.pack_repository import PackRepository
from crawlset.takedowns.repository import TakedownRepository

ROUND = 200
RESENT = timedelta(minutes=1)
"""What was sent so lately is on its way, and not lost."""


def resend_due(*, everything: bool = False) -> int:
    """
    Post messages for takedowns whose grace is over or that nobody carried on, and for rewrites
    that are due; say how many.

    When nothing waits in the queue, messages of what is unfinished were lost. With `everything`
    they are taken for lost.
    """
    is_lost = everything or outbox.is_quiet(Target.takedowns)
    age = RESENT if is_lost else pack_rewrites.LOST
    if everything:
        age = timedelta()
    with db.transaction() as session:
        takedowns = TakedownRepository(session)
        carried_on = [
            *takedowns.lease_unfinished(age, ROUND),
            *takedowns.begin_removing(ROUND),
        ]
        due = PackRepository(session).lease_due(pack_rewrites.LOST, ROUND, everything=is_lost)
        messages = [*map(message_of, carried_on), *map(message_of, due)]
        outbox.post(session, messages)
    return len(messages)

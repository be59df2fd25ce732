"""
Whether the tick may leave the database alone, which pauses when nobody asks it.

A round that finds nothing to do, now or soon, writes a rest into the bucket, and rounds until its
end read that alone. A caller who writes ends it: `accounts.waking` notes it there.
"""

import json
from datetime import datetime, timedelta

from crawlset.accounts.waking import NOTED_EVERY
from crawlset.events import publishing
from crawlset.kit import db, objects
from crawlset.settings import pausing_settings
from crawlset.tick.repository import RestRepository
from crawlset.wire import keys
from crawlset.wire.record import loads
from crawlset.wire.rests import Rest

LONGEST = timedelta(hours=6)
"""What is kept for days is removed so much later at most."""
EARLIER = timedelta(minutes=1)
"""What is due finds the database awake: it takes some 15 seconds to resume, and at first minutes
after more than a day. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html
"""
LONGEST_REQUEST = timedelta(seconds=30)
SETTLED = NOTED_EVERY + LONGEST_REQUEST + timedelta(minutes=5)
"""Whoever wrote last has noted it before, and has committed, after this time."""


def is_resting(now: datetime) -> bool:
    """Whether a rest that an earlier round began goes on."""
    if not pausing_settings().database_pauses:
        return False
    try:
        rest = Rest.from_json(loads(objects.get(keys.TICK_RESTS)))
    except objects.ObjectAbsentError:
        return False
    since = datetime.fromtimestamp(rest.since, now.tzinfo)
    return now.timestamp() < rest.until and _has_settled(since)


def end() -> None:
    """Have the rounds that follow look for work again."""
    if pausing_settings().database_pauses:
        objects.put(keys.TICK_RESTS, json.dumps(Rest(0.0, 0.0).to_json()).encode())


def may_follow() -> bool:
    """Whether nothing is open, so that a rest may follow if the round finds nothing to do."""
    if not pausing_settings().database_pauses:
        return False
    with db.transaction() as session:
        return not RestRepository(session).is_work_under_way()


def begin(since: datetime) -> bool:
    """
    Rest until something is due, if nobody has written lately; say whether.

    `since` is when the round began in which nothing was to be done.
    """
    if not _has_settled(since):
        return False
    with db.transaction() as session:
        due_at = RestRepository(session).next_due_at()
    is_bus_behind = publishing.has_new()
    until = min(due_at - EARLIER if due_at else since + LONGEST, since + LONGEST)
    if is_bus_behind or until <= since:
        return False
    rest = Rest(since.timestamp(), until.timestamp())
    objects.put(keys.TICK_RESTS, json.dumps(rest.to_json()).encode())
    return True


def _has_settled(since: datetime) -> bool:
    written_at = objects.written_at(keys.CALLERS_WRITE)
    return written_at is None or written_at < since - SETTLED

"""
Wait until all is at rest, and say how long that took.

Whatever waits, waits by the database's clock, mostly for longer than a seed may take. So when
nothing moves any more and no message is under way, time passes at once: the clock is set ahead, by
more the longer nothing has come of it, and the tick is run. What was waited for and what the clock
was set ahead are together the time that it took to heal.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.world import World, wait

STILL_SECONDS = 2.5
"""Without a change for so long, and without a message under way, nothing moves."""
MINUTES = (1, 1, 2, 2, 4, 5, 5, 10, 10, 15, 15, 20, 30, 30, 60, 60, 60, 120, 240, 480)
"""By which the clock is set ahead, one after another."""
LIMIT_SECONDS = 240.0
POLL_SECONDS = 0.5

UNFINISHED = {
    "crawl jobs": "SELECT count(*) FROM crawl_jobs WHERE status IN ('pending', 'running')",
    "searches": "SELECT count(*) FROM job_searches WHERE status IN ('pending', 'queued')",
    "chunks": "SELECT count(*) FROM job_chunks WHERE status IN ('pending', 'queued')",
    "images": "SELECT count(*) FROM images WHERE status = 'pending'",
    "validations": "SELECT count(*) FROM validation_jobs WHERE status IN ('pending', 'running')",
    "exports": "SELECT count(*) FROM export_jobs WHERE status IN ('pending', 'running')",
    "takedowns": (
        "SELECT count(*) FROM takedowns WHERE status IN ('pending', 'removing', 'revoking')"
    ),
    "pack rewrites": "SELECT count(*) FROM pack_rewrites",
    "outbox": "SELECT count(*) FROM outbox_messages",
    "deliveries": (
        "SELECT count(*) FROM webhook_deliveries"
        " WHERE delivered_at IS NULL AND next_attempt_at IS NOT NULL"
    ),
    "folder removals": "SELECT count(*) FROM folder_removals WHERE due_at <= now()",
    "deleted jobs": "SELECT count(*) FROM crawl_jobs WHERE purges_at <= now()",
    "deleted projects": "SELECT count(*) FROM projects WHERE purges_at <= now()",
    "due schedules": (
        "SELECT count(*) FROM crawl_schedules WHERE NOT is_paused AND next_run_at <= now()"
    ),
}
"""
What is under way, by what it is called: none of it at rest. A folder that was emptied is looked at
once more 20 minutes later, which nobody waits for.
"""

_COUNTED = " UNION ALL ".join(
    f"SELECT '{name}' AS name, ({statement}) AS n" for name, statement in UNFINISHED.items()
)
_MOVED = """
SELECT 'events' AS name, coalesce(max(id), 0) AS n FROM job_events
UNION ALL SELECT 'attempts', coalesce(sum(n_attempts), 0) FROM webhook_deliveries
UNION ALL SELECT 'searched', coalesce(sum(attempt), 0) FROM job_searches
UNION ALL SELECT 'fetched', coalesce(sum(attempt), 0) FROM job_chunks
"""


@dataclass(frozen=True)
class Healing:
    waited: float
    """Seconds by the wall."""
    jumped: float
    """Seconds that the clock was set ahead meanwhile."""
    left: dict[str, int]
    """What is not at rest though the limit has come; empty if all is."""

    @property
    def seconds(self) -> float:
        return self.waited + self.jumped


def unfinished(world: World) -> dict[str, int]:
    """What is under way, and how much of it."""
    rows = {row["name"]: row["n"] for row in world.rows(_COUNTED)}
    for name, (waiting, received) in world.queues().items():
        rows[name] = waiting + received
    rows["executions"] = world.executions()
    return {name: n for name, n in rows.items() if n}


def heal(world: World, limit: float = LIMIT_SECONDS) -> Healing:
    began, jumped = time.monotonic(), world.jumped
    steps = iter(MINUTES)
    seen: Any = None
    moved_at = ticked_at = began
    left: dict[str, int] = {"unknown": 1}
    while left and time.monotonic() - began < limit:
        now = time.monotonic()
        state = _ask(lambda: (unfinished(world), world.rows(_MOVED)))
        if state is None:
            wait(POLL_SECONDS)
            continue
        left = state[0]
        if state != seen:
            seen, moved_at = state, now
        is_under_way = any(_is_queue(name) or name == "executions" for name in left)
        if left and now - moved_at > STILL_SECONDS and not is_under_way:
            world.jump(60 * next(steps, 0))
            moved_at = ticked_at = time.monotonic()
            world.tick()
        elif left and now - ticked_at > 2 * STILL_SECONDS:
            ticked_at = now
            world.tick()
        else:
            wait(POLL_SECONDS)
    return Healing(time.monotonic() - began, world.jumped - jumped, left)


def _is_queue(name: str) -> bool:
    return name.endswith("Queue")


def _ask[T](read: Callable[[], T]) -> T | None:
    """None while the world cannot say."""
    try:
        return read()
    except (psycopg.Error, BotoCoreError, ClientError):
        return None

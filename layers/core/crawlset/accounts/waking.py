"""
A caller who is about to write is noted outside of the database, where a resting tick looks.

All work begins with a request that writes, or with the tick itself.
"""

import time
from datetime import timedelta

from crawlset.kit import objects
from crawlset.settings import pausing_settings
from crawlset.wire import keys

NOTED_EVERY = timedelta(minutes=5)
"""How seldom one execution environment notes it."""


class _Noted:
    at = float("-inf")


def note_writing() -> None:
    """
    Note that somebody writes, where the database may pause; raises if the bucket takes no note.

    Before what is written is committed: a tick that rests would not hear of it.
    """
    # The monotonic clock may stand still while Lambda freezes us.
    if pausing_settings().database_pauses and time.time() - _Noted.at > NOTED_EVERY.total_seconds():
        objects.put(keys.CALLERS_WRITE, b"")
        _Noted.at = time.time()


def forget() -> None:
    """Forget what this process has noted, as tests do."""
    _Noted.at = float("-inf")

"""
Notices of objects whose event did not come.

S3 delivers events at least once, typically in seconds, sometimes after a minute or longer:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, text
from sqlalchemy.orm import Session

from crawlset.crawls import lost_events
from crawlset.kit import objects
from crawlset.models import CrawlJob
from crawlset.wire import keys
from crawlset.wire.notices import ObjectNotice
from tests import factories

pytestmark = [pytest.mark.role("crawlset_tick"), pytest.mark.usefixtures("bucket")]

A_MINUTE_AGO = func.now() - text("interval '61 seconds'")


def notices(queues: Any, name: str) -> list[ObjectNotice]:
    return [*map(ObjectNotice.from_json, queues.bodies(name))]


def test_an_outcome_is_looked_for_after_a_minute(
    session: Session, job: CrawlJob, queues: Any
) -> None:
    fetched = factories.create_chunk(session, job, updated_at=A_MINUTE_AGO)
    factories.create_chunk(session, job, updated_at=A_MINUTE_AGO)
    early = factories.create_chunk(session, job)
    for chunk in (fetched, early):
        objects.put(keys.outcome(job.id, chunk.id), b"")

    assert lost_events.send_again() == 1

    assert notices(queues, "results") == [ObjectNotice(keys.outcome(job.id, fetched.id))]


def test_a_part_is_looked_for_after_a_minute(
    session: Session, job: CrawlJob, queues: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = factories.create_search(session, job, updated_at=A_MINUTE_AGO, planned_parts=[0])
    other = factories.create_search(session, job)
    for key in (
        *(keys.candidates(job.id, search.id, part) for part in range(2)),
        keys.candidates(job.id, other.id, 0),
    ):
        objects.put(key, b"")

    assert lost_events.send_again() == 0  # the objects are not a minute old
    monkeypatch.setattr(lost_events, "WRITTEN", timedelta(seconds=-5))
    assert lost_events.send_again() == 1

    assert notices(queues, "plan") == [ObjectNotice(keys.candidates(job.id, search.id, 1))]

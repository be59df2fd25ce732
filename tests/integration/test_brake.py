"""A deployment with `CrawlingEnabled=false`: nothing reads the queues of what is to be crawled."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, WorkStatus
from crawlset.settings import MAX_ATTEMPTS, crawling_settings
from functions.tick import app
from tests import factories
from tests.invocations import CONTEXT

pytestmark = [pytest.mark.role("crawlset_tick"), pytest.mark.usefixtures("bucket", "queues")]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["false", "true"])
def crawling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CRAWLING_ENABLED", request.param)
    crawling_settings.cache_clear()
    yield request.param
    crawling_settings.cache_clear()


class TestTick:
    def test_gives_nothing_up_that_waits_in_queues_meanwhile(
        self, session: Session, job: CrawlJob, crawling: str
    ) -> None:
        """Five sweeps in vain would end it otherwise, within some hours."""
        search = factories.create_search(session, job, updated_at=LONG_AGO, attempt=MAX_ATTEMPTS)
        chunk = factories.create_chunk(session, job, updated_at=LONG_AGO, attempt=MAX_ATTEMPTS)

        done: dict[str, Any] = app.handler({}, CONTEXT)

        session.expire_all()
        is_given_up = [row.status is WorkStatus.failed for row in (search, chunk)]
        assert is_given_up == [crawling == "true"] * 2
        assert ("lost_messages" in done) is (crawling == "true")

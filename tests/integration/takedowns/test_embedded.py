"""What files say about themselves, their authors and places, goes with what is taken down."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, Project
from tests.integration.api import Api
from tests.integration.takedowns.stored_images import AT_ONCE, CAT, DOG, HOST, ON_HOST, Store

pytestmark = pytest.mark.usefixtures("bucket")

SAID: dict[str, Any] = {"creator": "Ida", "latitude": 48.0, "longitude": 2.0}
BEARING = text(
    "SELECT (SELECT count(*) FROM images WHERE embedded IS NOT NULL),"
    " (SELECT count(*) FROM takedown_images WHERE embedded IS NOT NULL)"
)


def bearing(session: Session) -> Row[Any]:
    """Rows that have it: of images, and of those that takedowns hide."""
    return session.execute(BEARING).one()


@pytest.fixture
def read(api: Api, project: Project, job: CrawlJob) -> Callable[[], list[Any]]:
    def read() -> list[Any]:
        _, page = api.call("GET", f"/api/projects/{project.id}/crawl-jobs/{job.id}/images")
        return [image["embedded"] and image["embedded"]["creator"] for image in page["items"]]

    return read


class TestEmbedded:
    def test_is_hidden_and_comes_back(
        self,
        session: Session,
        store: Store,
        read: Callable[[], list[Any]],
        take_down: Callable[..., str],
        revoke: Callable[[str], Any],
    ) -> None:
        store(CAT, DOG, each={CAT: ON_HOST | {"embedded": SAID}, DOG: {"embedded": SAID}})

        takedown = take_down(HOST)

        assert read() == [None, "Ida"]
        assert bearing(session) == (1, 1)
        revoke(takedown)
        assert read() == ["Ida", "Ida"]
        assert bearing(session) == (2, 0)

    def test_is_gone_with_the_bytes(
        self,
        session: Session,
        store: Store,
        read: Callable[[], list[Any]],
        take_down: Callable[..., str],
    ) -> None:
        store(CAT, DOG, each={CAT: ON_HOST | {"embedded": SAID}, DOG: {"embedded": SAID}})

        take_down(HOST | AT_ONCE)

        assert read() == [None, "Ida"]
        assert bearing(session) == (1, 0)

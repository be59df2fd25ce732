"""What files say about themselves, their authors and places, goes with what is taken down."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, Project, WorkStatus
from crawlset.wire import keys
from crawlset.wire.outcomes import OutcomeHead
from crawlset.wire.record import pack
from tests import factories
from tests.integration.api import Api
from tests.integration.exports.steps import export, manifest_of
from tests.integration.outcomes import result
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

    def test_is_gone_from_the_outcomes_of_every_chunk_that_had_it(
        self, session: Session, job: CrawlJob, store: Store, take_down: Callable[..., str]
    ) -> None:
        """A picture that a re-crawl has replaced stands in the outcome of an earlier chunk too."""
        image, _ = store(CAT, DOG, each={CAT: ON_HOST | {"embedded": SAID}, DOG: {}})
        chunk = session.get_one(JobChunk, image.chunk_id)
        earlier = factories.create_chunk(session, job, status=WorkStatus.completed)
        later = factories.create_chunk(session, job, status=WorkStatus.queued)
        outcome = pack(OutcomeHead(chunk.pack_key), [result(0, embedded=SAID)])
        for each in (chunk, earlier, later):
            objects.put(keys.outcome(job.id, each.id), outcome)

        take_down(HOST | AT_ONCE)

        emptied, unrecorded = pack(OutcomeHead(None)), keys.outcome(job.id, later.id)
        found = {
            key: objects.get(key)
            for key, _ in objects.list_sizes(keys.chunks_prefix(job.id))
            if keys.is_outcome(key)
        }
        assert found.pop(unrecorded) == outcome
        assert [*found.values()] == [emptied, emptied]
        assert recording.record_outcome(keys.outcome(job.id, chunk.id)) == 0

    def test_stands_in_no_export_that_a_takedown_would_not_withdraw(
        self,
        session: Session,
        job: CrawlJob,
        store: Store,
        roles: list[str],
    ) -> None:
        """Here in one that leaves the class of the picture out."""
        said = {"embedded": SAID}
        store(CAT, DOG, each={CAT: {"keyword": "cat"} | said, DOG: {"keyword": "dog"} | said})
        options = {"splits": {"train": 1}, "classes": {"cat": None}}
        export_job = factories.create_export_job(session, job, export_options=options)
        roles.append("crawlset_worker")
        export(export_job)
        roles.pop()

        lines = {line["keyword"]: line["embedded"] for line in manifest_of(export_job)}

        assert lines == {"cat": None, "dog": SAID}

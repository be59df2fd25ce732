"""The small picture that near duplicates are compared by, from an outcome to its row."""

import base64

import pytest
from sqlalchemy.orm import Session

from crawlset.crawls import recording
from crawlset.models import CrawlJob
from tests.integration.outcomes import create_open_chunk, image_at, put_outcome, result

pytestmark = pytest.mark.usefixtures("bucket", "queues")

SIGNATURE = bytes([128, 0, 255, 7])


def test_signatures_are_kept_with_their_images(
    session: Session, job: CrawlJob, roles: list[str]
) -> None:
    """A line of an earlier release has none."""
    chunk = create_open_chunk(session, job, 2)
    lines = [result(0, signature=base64.b64encode(SIGNATURE).decode()), result(1, content=b"else")]
    key = put_outcome(chunk, lines)

    roles.append("crawlset_worker")
    recording.record_outcome(key)
    roles.pop()

    assert [image_at(session, chunk, place).signature for place in (0, 1)] == [SIGNATURE, None]

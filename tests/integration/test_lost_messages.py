"""What stands still though nothing waits in its queue is sent again."""

from typing import Any

import pytest
from sqlalchemy import func, text
from sqlalchemy.orm import Session

from crawlset.crawls import lost_messages
from crawlset.kit import objects
from crawlset.models import CrawlJob, JobChunk, OutboxMessage, Target, WorkStatus
from crawlset.outcomes import ImageStatus
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkMessage
from crawlset.wire.searches import DiscoverMessage
from tests import factories

pytestmark = [pytest.mark.role("crawlset_tick"), pytest.mark.usefixtures("bucket", "queues")]

A_MINUTE_AGO = func.now() - text("interval '61 seconds'")


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    chunk = factories.create_chunk(session, job, updated_at=A_MINUTE_AGO)
    factories.create_image(session, chunk, status=ImageStatus.pending, ordinal=0)
    return chunk


class TestChunks:
    def test_are_sent_again_after_a_minute(
        self, session: Session, job: CrawlJob, chunk: JobChunk, queues: Any
    ) -> None:
        assert lost_messages.send_again() == 1

        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        assert message == ChunkMessage(job.id, chunk.id, 2)
        session.expire_all()
        assert (chunk.status, chunk.attempt) == (WorkStatus.queued, 2)
        assert lost_messages.send_again() == 0

    @pytest.mark.parametrize("queue", ["chunks", "host_lanes"])
    def test_wait_while_others_do(self, chunk: JobChunk, queues: Any, queue: str) -> None:
        group = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
        url = queues.urls[queue]
        queues.sqs.send_message(
            QueueUrl=url, MessageBody="{}", **(group if url.endswith(".fifo") else {})
        )

        assert lost_messages.send_again() == 0

    def test_wait_while_one_is_worked_at(self, chunk: JobChunk, queues: Any) -> None:
        queues.sqs.send_message(QueueUrl=queues.urls["chunks"], MessageBody="{}")
        queues.sqs.receive_message(QueueUrl=queues.urls["chunks"])

        assert lost_messages.send_again() == 0

    def test_wait_for_what_is_in_the_outbox(self, session: Session, chunk: JobChunk) -> None:
        session.add(OutboxMessage(target=Target.chunks, body={}))
        session.commit()

        assert lost_messages.send_again() == 0

    def test_that_are_fetched_or_were_sent_often_are_left_alone(
        self, session: Session, job: CrawlJob, chunk: JobChunk
    ) -> None:
        objects.put(keys.outcome(job.id, chunk.id), b"")
        factories.create_chunk(
            session, job, updated_at=A_MINUTE_AGO, attempt=lost_messages.ATTEMPTS
        )

        assert lost_messages.send_again() == 0


class TestSearches:
    def test_are_sent_again_after_a_minute(
        self, session: Session, job: CrawlJob, queues: Any
    ) -> None:
        search = factories.create_search(session, job, updated_at=A_MINUTE_AGO)

        assert lost_messages.send_again() == 1

        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert (message.search_id, message.attempt) == (search.id, 2)

    @pytest.mark.parametrize("kind", ["part", "deferral"])
    def test_whose_answer_is_on_its_way_to_be_planned_are_left_alone(
        self, session: Session, job: CrawlJob, kind: str
    ) -> None:
        """Else its source would be asked twice: `discover` touches no row."""
        search = factories.create_search(session, job, updated_at=A_MINUTE_AGO)
        answers = {
            "part": keys.candidates(job.id, search.id, 0),
            "deferral": keys.deferral(search.id),
        }
        objects.put(answers[kind], b"")

        assert lost_messages.send_again() == 0

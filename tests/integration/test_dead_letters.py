import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.kit.ids import new_id
from crawlset.kit.strict_json import from_json
from crawlset.models import CrawlJob, Image, JobStatus, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkMessage
from crawlset.wire.deliveries import SignedDelivery
from crawlset.wire.notices import ObjectNotice
from crawlset.wire.searches import DiscoverMessage, SearchRequest
from functions.dead_letters import app
from tests import factories
from tests.integration.outcomes import create_open_chunk, put_outcome, result
from tests.invocations import CONTEXT

pytestmark = [
    pytest.mark.role("crawlset_worker"),
    pytest.mark.usefixtures("bucket", "queues"),
]


class LaterMessage(ChunkMessage):
    VERSION = 9


def bury(body: str) -> Any:
    record = {
        "messageId": "m",
        "body": body,
        "receiptHandle": "handle",
        "attributes": {"ApproximateReceiveCount": "6"},
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:chunks-dead-letters",
        "eventSource": "aws:sqs",
    }
    return app.handler({"Records": [record]}, CONTEXT)


class TestDeadLetters:
    def test_lets_a_delivery_go_which_is_tried_again_in_time(self) -> None:
        message = SignedDelivery(delivery_id=new_id(), attempt=1, url="u", headers={}, body="")

        assert bury(json.dumps(message.to_json())) == {"batchItemFailures": []}

    @pytest.mark.parametrize("kind", ["message", "event"])
    def test_fails_the_chunk_its_open_images_and_so_ends_the_job(
        self, session: Session, job: CrawlJob, kind: str
    ) -> None:
        chunk = factories.create_chunk(session, job)
        factories.create_image(session, chunk, status=ImageStatus.pending)
        body = (
            ChunkMessage(job.id, chunk.id, 1).to_json()
            if kind == "message"
            else {"Records": [{"s3": {"object": {"key": keys.outcome(job.id, chunk.id)}}}]}
        )

        result = bury(json.dumps(body))

        session.expire_all()
        assert result == {"batchItemFailures": []}
        assert (chunk.status, job.status) == (WorkStatus.failed, JobStatus.failed)
        assert chunk.error_message == "The work failed 6 times and was given up."
        assert job.error_message == (
            "Nothing was stored; 1 of 1 images failed on our side "
            "(The work failed 6 times and was given up.). They may be retried."
        )
        assert session.scalars(select(Image.outcome)).all() == [Outcome.worker_failed]

    def test_records_an_outcome_that_is_there(self, session: Session, job: CrawlJob) -> None:
        """The database may have been away for longer than the tries of its message lasted."""
        chunk = create_open_chunk(session, job, 1)
        key = put_outcome(chunk, [result(0)])

        assert bury(json.dumps(ObjectNotice(key).to_json())) == {"batchItemFailures": []}

        session.expire_all()
        assert (chunk.status, job.status) == (WorkStatus.completed, JobStatus.completed)
        assert session.scalars(select(Image.outcome)).all() == [Outcome.stored]

    def test_fails_a_chunk_whose_outcome_nobody_can_read(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = create_open_chunk(session, job, 1)
        objects.put(key := keys.outcome(job.id, chunk.id), b"not what it should be")

        assert bury(json.dumps(ObjectNotice(key).to_json())) == {"batchItemFailures": []}

        session.expire_all()
        assert (chunk.status, job.status) == (WorkStatus.failed, JobStatus.failed)

    @pytest.mark.parametrize("kind", ["message", "event"])
    def test_fails_the_search(self, session: Session, job: CrawlJob, kind: str) -> None:
        search = factories.create_search(session, job)
        body = (
            DiscoverMessage(
                job.id, search.id, 1, from_json(SearchRequest, search.request)
            ).to_json()
            if kind == "message"
            else ObjectNotice(keys.candidates(job.id, search.id, 0)).to_json()
        )

        bury(json.dumps(body))

        session.expire_all()
        assert (search.status, job.status) == (WorkStatus.failed, JobStatus.failed)

    def test_fails_the_chunk_of_a_message_of_an_unknown_version(
        self, session: Session, job: CrawlJob
    ) -> None:
        chunk = factories.create_chunk(session, job)

        bury(json.dumps(LaterMessage(job.id, chunk.id, 1).to_json()))

        session.expire_all()
        assert chunk.status is WorkStatus.failed
        assert chunk.error_message == "The work failed 6 times and was given up."

    @pytest.mark.parametrize(
        "body",
        ["not json", "[]", '{"v": 9}', '{"job_id": "no id", "chunk_id": "x"}'],
    )
    def test_lets_go_of_what_nobody_can_read(self, session: Session, body: str) -> None:
        assert bury(body) == {"batchItemFailures": []}

    def test_changes_nothing_that_has_ended(self, session: Session, job: CrawlJob) -> None:
        chunk = factories.create_chunk(
            session, job, status=WorkStatus.completed, outcomes={"stored": 1}
        )
        factories.create_image(session, chunk)

        bury(json.dumps({"job_id": str(job.id), "chunk_id": str(chunk.id)}))

        session.expire_all()
        assert chunk.status is WorkStatus.completed

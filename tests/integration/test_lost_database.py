"""The database goes away in the middle: what the API, the authorizer and the workers do then."""

import json
import socket
import time
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crawlset.accounts import service
from crawlset.errors import DatabaseAwayError
from crawlset.kit import aws as clients
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import Profile, Project
from crawlset.wire.deliveries import DeliveryResult
from functions.authorize import app as authorize
from functions.record import app as record
from tests import factories
from tests.integration.api import Api
from tests.integration.database_relay import Relay
from tests.invocations import CONTEXT, request

PROJECTS = "/api/projects"


@pytest.fixture
def profile(owner: Session) -> Profile:
    profile = factories.create_profile(owner)
    owner.commit()
    return profile


def count_projects(owner: Session) -> int:
    owner.rollback()
    return owner.scalar(select(func.count()).select_from(Project)) or 0


@pytest.mark.usefixtures("relay")
class TestConnection:
    @pytest.mark.parametrize("seconds", [2, -60])
    def test_that_was_lost_while_it_was_idle_is_not_felt(
        self, relay: Relay, monkeypatch: pytest.MonkeyPatch, seconds: int
    ) -> None:
        """By the wall clock: others may stand still meanwhile. It may be set back."""
        with db.transaction() as session:
            session.execute(text("SELECT 1"))
        relay.cut()
        later = time.time() + seconds
        monkeypatch.setattr(time, "time", lambda: later)

        with db.transaction() as session:
            assert session.scalar(text("SELECT 2")) == 2

        assert relay.n_accepted == 2

    def test_to_a_host_that_is_gone_is_given_up_in_seconds(self) -> None:
        """
        Linux retransmits for some 15 minutes unless TCP_USER_TIMEOUT bounds it (tcp(7)); libpq's
        `tcp_user_timeout` sets it, in ms: https://www.postgresql.org/docs/current/libpq-connect.html
        """
        with db.transaction() as session:
            connection = session.connection().connection.dbapi_connection
            assert connection is not None
            with socket.socket(fileno=socket.dup(connection.fileno())) as end:
                options = socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE
                assert [end.getsockopt(socket.IPPROTO_TCP, o) for o in options] == [4_000, 10]

    def test_that_is_lost_within_a_transaction_is_told_by_name(self, relay: Relay) -> None:
        """Step Functions retries by that name, and a queue's message comes again soon."""
        relay.cut_at(b"SELECT 'lost'")

        with pytest.raises(DatabaseAwayError) as caught, db.transaction() as session:
            session.execute(text("SELECT 'lost'"))

        assert not caught.value.may_have_committed

    def test_that_is_lost_during_the_commit_leaves_open_whether_it_was_done(
        self, relay: Relay
    ) -> None:
        relay.cut_at(b"COMMIT")

        with pytest.raises(DatabaseAwayError) as caught, db.transaction() as session:
            session.execute(text("SELECT 1"))

        assert caught.value.may_have_committed

    @pytest.mark.parametrize("state", ["40P01", "53100", "53300", "57P01", "58030", "25006"])
    def test_is_told_by_name_too_when_the_server_cannot_work_for_now(self, state: str) -> None:
        """A full disk (53100), say: class 53 is 'insufficient resources', class 58 'system error'.

        https://www.postgresql.org/docs/current/errcodes-appendix.html
        """
        failing = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"

        with pytest.raises(DatabaseAwayError) as raised, db.transaction() as session:
            session.execute(text(failing))

        assert not raised.value.may_have_committed

    def test_is_not_blamed_for_what_the_server_refuses(self) -> None:
        with pytest.raises(Exception, match="statement timeout"), db.transaction() as session:
            session.execute(text("SET LOCAL statement_timeout = 1"))
            session.execute(text("SELECT pg_sleep(5)"))


class TestApi:
    def test_answers_though_the_connection_of_a_moment_ago_is_lost(
        self, relay: Relay, profile: Profile
    ) -> None:
        assert Api(profile.id).ask("GET", PROJECTS).status == 200
        relay.cut()

        assert Api(profile.id).ask("POST", PROJECTS, {"name": "Cats"}).status == 201

    def test_answers_a_read_whose_connection_is_lost(self, relay: Relay, profile: Profile) -> None:
        relay.cut_at(b"FROM projects")

        answer = Api(profile.id).ask("GET", PROJECTS)

        assert (answer.status, relay.is_to_be_cut) == (200, False)

    def test_answers_a_read_whose_last_word_is_lost(self, relay: Relay, profile: Profile) -> None:
        relay.cut_at(b"COMMIT")

        assert Api(profile.id).ask("GET", PROJECTS).status == 200

    def test_makes_what_was_surely_not_made(
        self, relay: Relay, profile: Profile, owner: Session
    ) -> None:
        relay.cut_at(b"INSERT INTO projects")

        answer = Api(profile.id).ask("POST", PROJECTS, {"name": "Cats"})

        assert (answer.status, count_projects(owner)) == (201, 1)

    @pytest.mark.parametrize("is_done", [False, True])
    def test_makes_once_what_has_a_key_whether_the_commit_was_done_or_not(
        self, relay: Relay, profile: Profile, owner: Session, *, is_done: bool
    ) -> None:
        api = Api(profile.id)
        lose_the_commit_of_the_answer(relay, is_done=is_done)

        answer = api.ask("POST", PROJECTS, {"name": "Cats"}, idempotency_key="a-1")

        assert (answer.status, count_projects(owner)) == (201, 1)
        assert ("idempotency-replayed" in answer.headers) is is_done

    @pytest.mark.parametrize("is_done", [False, True])
    def test_does_not_try_again_what_may_have_been_made(
        self, relay: Relay, profile: Profile, owner: Session, *, is_done: bool
    ) -> None:
        lose_the_commit_of_the_answer(relay, is_done=is_done)

        answer = Api(profile.id).ask("POST", PROJECTS, {"name": "Cats"})

        assert (answer.status, count_projects(owner)) == (503, int(is_done))
        assert answer.headers["retry-after"] == "5"
        assert "it may have been done" in answer.body["detail"]

    def test_says_503_and_when_to_ask_again_while_the_database_is_away(
        self, relay: Relay, profile: Profile, caplog: pytest.LogCaptureFixture
    ) -> None:
        relay.is_away = True

        answer = Api(profile.id).ask("GET", PROJECTS)

        assert (answer.status, answer.body["code"]) == (503, "DatabaseAwayError")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "5"
        assert "nothing was changed" in answer.body["detail"]
        assert "request_failed" in caplog.text


def lose_the_commit_of_the_answer(relay: Relay, *, is_done: bool) -> None:
    """The transaction that counts the request goes well."""
    relay.cut_at(b"INSERT INTO projects", b"COMMIT", is_answered=is_done)


class TestAuthorizer:
    """
    API Gateway answers a plain 500 when a Lambda authorizer fails
    (https://dev.to/marcogrcr/api-gateway-lambda-authorizer-lambda-proxy-integration-failure-modes-52bc),
    and what one answers is kept for `ReauthorizeEvery`.
    """

    @pytest.fixture
    def key(self, owner: Session) -> str:
        _, key = service.create_profile(owner, email="a@example.org", name="a")
        owner.commit()
        assert key is not None
        return key

    @staticmethod
    def ask(relay: Relay, key: str) -> dict[str, Any]:
        """What an authorizer says that asks while the database is away."""
        relay.is_away = True
        relay.cut()
        asked = request("GET", "/api/projects", headers={"authorization": f"Bearer {key}"})
        answer = authorize.handler(asked, CONTEXT)
        relay.is_away = False
        assert answer["isAuthorized"]
        context: dict[str, Any] = answer["context"]
        return context

    def request(self, caller: dict[str, Any], key: str) -> Any:
        api = Api(new_id())
        api.caller = caller
        return api.ask("GET", PROJECTS, authorization=f"Bearer {key}")

    def test_that_cannot_look_lets_the_api_look(self, relay: Relay, key: str) -> None:
        caller = self.ask(relay, key)

        assert caller.keys() == {"not_looked_up", "source_ip"}
        assert self.request(caller, key).status == 200

    def test_that_cannot_look_lets_nobody_in(self, relay: Relay, key: str) -> None:
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")

        answer = self.request(self.ask(relay, wrong), wrong)

        assert (answer.status, answer.body["code"]) == (403, "UnknownApiKeyError")

    def test_that_cannot_look_is_as_good_as_an_api_that_cannot(
        self, relay: Relay, key: str
    ) -> None:
        caller = self.ask(relay, key)
        relay.is_away = True
        relay.cut()

        assert self.request(caller, key).status == 503


class TestRecord:
    def test_wants_its_message_again_in_seconds(self, relay: Relay, queues: Any) -> None:
        result = DeliveryResult(delivery_id=new_id(), attempt=1, status=200, detail="HTTP 200")
        body = json.dumps(result.to_json())
        queues.sqs.send_message(QueueUrl=queues.urls["results"], MessageBody=body)
        put_off: list[int] = []

        def note(params: dict[str, Any], **_: Any) -> None:
            put_off.append(params["VisibilityTimeout"])

        clients.sqs().meta.events.register(
            "before-parameter-build.sqs.ChangeMessageVisibility", note
        )
        relay.is_away = True

        answer = record.handler(received(queues), CONTEXT)

        assert len(answer["batchItemFailures"]) == 1
        assert put_off[-1] in {3, 4}


def received(queues: Any) -> dict[str, Any]:
    """The first message of the results queue, as its mapping hands it over."""
    (message,) = queues.sqs.receive_message(
        QueueUrl=queues.urls["results"], MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:results",
            }
        ]
    }

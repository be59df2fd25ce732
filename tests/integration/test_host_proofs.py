"""From a host that a user says is theirs to the proof: API, tick, deliver, record, and a job."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.crawls.planner import LANE_URLS
from crawlset.hosts import dispatching
from crawlset.hosts.dispatching import MOST_UNHEARD
from crawlset.hosts.recording import CHECKED_EACH, PROVEN_FOR, TRIED_EACH
from crawlset.hosts.service import MAX_HOST_PROOFS
from crawlset.models import HostProof, JobChunk, JobStatus, Profile, Project
from crawlset.wire.host_checks import HostCheck, HostCheckResult
from functions.deliver import app as deliver
from functions.record import app as record
from tests import factories
from tests.integration.api import Api
from tests.integration.candidate_parts import plan
from tests.integration.web_server import Web, serve
from tests.invocations import CONTEXT

HOST = "images.example.org"
PATH = "/api/host-proofs"
worker = pytest.mark.role("crawlset_worker")
ticks = pytest.mark.role("crawlset_tick")


def create_proof(session: Session, profile: Profile, **overrides: Any) -> HostProof:
    proof = HostProof(user_id=profile.id, host=HOST, token="secret-token")
    for name, value in overrides.items():
        setattr(proof, name, value)
    session.add(proof)
    session.commit()
    return proof


def invoke(app: Any, body: dict[str, Any], queue: str) -> None:
    event = {
        "Records": [
            {
                "messageId": "1",
                "receiptHandle": "h",
                "body": json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
            }
        ]
    }
    assert app.handler(event, CONTEXT) == {"batchItemFailures": []}


def tell(session: Session, proof: HostProof, **told: Any) -> None:
    """What `deliver` says of the check under way, recorded."""
    found: dict[str, Any] = {
        "attempt": proof.n_attempts,
        "is_proven": True,
        "detail": "the answer is the token",
    }
    result = HostCheckResult(host_proof_id=proof.id, **(found | told))
    invoke(record, result.to_json(), "results")
    session.expire_all()


class TestHostProofs:
    def test_say_which_answer_of_the_host_proves_it(self, api: Api) -> None:
        status, made = api.call("POST", PATH, {"host": "Images.Example.org."})

        assert (status, made["host"], made["status"]) == (201, HOST, "pending")
        assert made["path"] == f"/.well-known/crawlset/{made['id']}"
        assert len(made["token"]) == 32
        assert api.call("GET", f"{PATH}/{made['id']}")[1] == made
        assert api.call("GET", PATH)[1]["items"] == [made]

    @pytest.mark.parametrize(
        "host",
        [
            "",
            "https://images.example.org",
            "images.example.org/a",
            "a.example#b",
            "a@b.example",
            "127.0.0.1",
        ],
        ids=["none", "a URL", "a path", "a fragment", "a user", "a private address"],
    )
    def test_are_not_of_what_is_no_host_or_is_never_asked(self, api: Api, host: str) -> None:
        status, problem = api.call("POST", PATH, {"host": host})

        assert (status, problem["errors"][0]["pointer"]) == (422, "/host")

    def test_are_one_of_each_host(self, api: Api) -> None:
        api.call("POST", PATH, {"host": HOST})

        assert api.call("POST", PATH, {"host": HOST})[0] == 409

    def test_are_so_many(self, session: Session, profile: Profile, api: Api) -> None:
        for n in range(MAX_HOST_PROOFS):
            create_proof(session, profile, host=f"h{n}.example.org")

        status, problem = api.call("POST", PATH, {"host": HOST})

        assert (status, str(MAX_HOST_PROOFS) in problem["detail"]) == (409, True)

    def test_are_checked_and_deleted_when_asked(self, api: Api) -> None:
        made = api.call("POST", PATH, {"host": HOST})[1]

        status, checked = api.call("POST", f"{PATH}/{made['id']}/check")
        deleted, _ = api.call("DELETE", f"{PATH}/{made['id']}")

        assert (status, checked["status"]) == (202, "checking")
        assert (deleted, api.call("GET", f"{PATH}/{made['id']}")[0]) == (204, 404)


@ticks
class TestChecksThatAreDue:
    def test_are_queued_once(self, session: Session, profile: Profile, queues: Any) -> None:
        create_proof(session, profile, host="not.example.org")
        proof = create_proof(session, profile, next_check_at=func.now())

        assert [dispatching.dispatch_due() for _ in range(2)] == [1, 0]

        (check,) = map(HostCheck.from_json, queues.bodies("deliveries"))
        path = f"{HOST}/.well-known/crawlset/{proof.id}"
        assert (check.host_proof_id, check.attempt, check.token) == (proof.id, 1, "secret-token")
        assert check.urls == [f"https://{path}", f"http://{path}"]

    def test_are_given_up_after_so_many_that_nobody_has_heard_of(
        self, session: Session, profile: Profile, queues: Any
    ) -> None:
        proof = create_proof(session, profile, next_check_at=func.now(), n_unheard=MOST_UNHEARD - 1)

        assert dispatching.dispatch_due() == 1

        session.refresh(proof)
        assert (proof.n_unheard, proof.next_check_at) == (MOST_UNHEARD, None)

    def test_are_queued_again_once_they_are_lost(
        self, session: Session, profile: Profile, queues: Any
    ) -> None:
        proof = create_proof(session, profile, next_check_at=func.now())
        dispatching.dispatch_due()
        session.refresh(proof)
        proof.next_check_at = func.now()
        session.commit()

        assert dispatching.dispatch_due() == 1
        assert [json.loads(body)["attempt"] for body in queues.bodies("deliveries")] == [1, 2]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with serve() as web:
        monkeypatch.setenv("ALLOWED_PRIVATE_HOSTS", ",".join(web.hosts))
        web.add("/right", b"\n secret-token\r\n")
        web.add("/wrong", b"<html>secret-token</html>")
        web.add("/long", b"secret-token".ljust(1 << 20, b"."))
        web.add("/moved", b"secret-token", 302, Location="/right")
        yield web


class TestDeliver:
    def ask(self, queues: Any, *urls: str) -> HostCheckResult:
        check = HostCheck(host_proof_id=UUID(int=7), attempt=3, urls=[*urls], token="secret-token")
        invoke(deliver, check.to_json(), "deliveries")
        (told,) = map(HostCheckResult.from_json, queues.bodies("results"))
        assert (told.host_proof_id, told.attempt) == (UUID(int=7), 3)
        return told

    @pytest.mark.parametrize(
        ("path", "is_proven", "found"),
        [
            ("/right", True, "the answer is the token"),
            ("/wrong", False, "the answer is not the token"),
            ("/long", False, "the answer is not the token"),
            ("/none", False, "HTTP 404"),
            ("/moved", False, "HTTP 302"),
        ],
    )
    def test_looks_for_the_token_and_nothing_else(
        self, queues: Any, site: Web, path: str, is_proven: bool, found: str
    ) -> None:
        told = self.ask(queues, site.url(path))

        assert (told.is_proven, told.detail) == (is_proven, f"{site.url(path)}: {found}")

    def test_asks_the_second_url_if_nobody_answers_at_the_first(
        self, queues: Any, site: Web
    ) -> None:
        told = self.ask(queues, "https://localhost:1/", site.url("/right"), site.url("/none"))

        assert (told.is_proven, site.url("/right") in told.detail) == (True, True)

    def test_dials_nothing_private(self, queues: Any) -> None:
        told = self.ask(queues, "http://169.254.169.254/latest/meta-data/")

        assert not told.is_proven
        assert "refused" in told.detail


@worker
class TestRecord:
    def test_proves_the_host_for_a_while(self, session: Session, profile: Profile) -> None:
        proof = create_proof(session, profile, n_attempts=1, next_check_at=func.now())

        tell(session, proof)

        assert proof.proven_until is not None
        assert proof.checked_at is not None
        assert proof.next_check_at is not None
        assert (proof.status, proof.detail) == ("proven", "the answer is the token")
        assert proof.proven_until - proof.checked_at == PROVEN_FOR
        assert proof.next_check_at - proof.checked_at == CHECKED_EACH

    def test_says_what_was_found_instead(self, session: Session, profile: Profile) -> None:
        proof = create_proof(session, profile, n_attempts=1, next_check_at=func.now())

        tell(session, proof, is_proven=False, detail="HTTP 404")

        assert (proof.status, proof.detail, proof.next_check_at) == ("failed", "HTTP 404", None)

    def test_leaves_a_proof_in_force_whose_renewal_fails(
        self, session: Session, profile: Profile
    ) -> None:
        ends = datetime.now(UTC) + timedelta(days=60)
        proof = create_proof(
            session, profile, n_attempts=2, next_check_at=func.now(), proven_until=ends
        )

        tell(session, proof, is_proven=False, detail="HTTP 503")

        assert (proof.status, proof.proven_until) == ("proven", ends)
        assert proof.next_check_at is not None
        assert proof.checked_at is not None
        assert proof.next_check_at - proof.checked_at == TRIED_EACH

    @pytest.mark.parametrize("attempt", [1, 3])
    def test_ignores_what_another_attempt_found(
        self, session: Session, profile: Profile, attempt: int
    ) -> None:
        proof = create_proof(session, profile, n_attempts=2, next_check_at=func.now())

        tell(session, proof, attempt=attempt)

        assert (proof.proven_until, proof.checked_at) == (None, None)


@pytest.mark.usefixtures("queues", "bucket", "sample_source")
class TestProvenHost:
    def crawl(self, api: Api, project: Project) -> tuple[int, Any]:
        body = {"name": "mine", "urls": [f"https://{HOST}/1.jpg"], "per_host": {HOST: 64}}
        return api.call("POST", f"/api/projects/{project.id}/crawl-jobs", body)

    @pytest.mark.parametrize(
        ("days", "status"), [(1, 201), (-1, 422)], ids=["proven", "proven once"]
    )
    def test_may_be_asked_faster_while_it_is_proven(
        self, session: Session, api: Api, project: Project, profile: Profile, days: int, status: int
    ) -> None:
        create_proof(session, profile, proven_until=func.now() + timedelta(days=days))

        answered, body = self.crawl(api, project)

        assert answered == status
        if status == 422:
            assert f"crawlset hosts prove {HOST}" in body["detail"]

    def test_is_another_user_s_to_name(self, session: Session, api: Api, project: Project) -> None:
        other = factories.create_profile(session)
        create_proof(session, other, proven_until=func.now() + timedelta(days=1))

        assert self.crawl(api, project)[0] == 422

    @worker
    def test_is_asked_beside_the_lanes_of_all_other_jobs(
        self, session: Session, project: Project, profile: Profile
    ) -> None:
        create_proof(session, profile, proven_until=func.now() + timedelta(days=1))
        hosts = ("a.example.org", HOST)
        busy = [f"https://{host}/{n}.jpg" for host in hosts for n in range(LANE_URLS + 1)]
        policy = {"licences": [], "intended_use": "research", "per_host": {HOST: 64}}
        others, owned = (
            factories.create_crawl_job(session, project, status=JobStatus.pending, **told)
            for told in ({}, {"policy": policy})
        )

        plan(session, others, busy)
        plan(session, owned, [f"https://{HOST}/more.jpg"])

        lanes = select(JobChunk.lane, JobChunk.per_host).order_by(JobChunk.id)
        assert session.execute(lanes).all() == [("a.example.org#0", None), (f"{HOST}#owned", 64)]

"""Lists on their way in: how large they may be, whose quota they are in, and when they go."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import IdempotencyKey, Profile, Project, Upload
from crawlset.uploads import removing
from crawlset.wire import keys
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "queues")

LIST = b"https://a.example/1.jpg\n"


@pytest.fixture
def uploads(project: Project) -> str:
    return f"/api/projects/{project.id}/uploads"


def sign(api: Api, uploads: str, n_bytes: int = len(LIST), **headers: str) -> Any:
    return api.ask("POST", uploads, {"file_size": n_bytes}, None, **headers)


def put(project: Project, upload_id: str) -> str:
    key = keys.upload(project.user_id, UUID(upload_id))
    objects.put(key, LIST)
    return key


def job(upload_id: str) -> dict[str, Any]:
    return {"name": "l", "sources": ["urls"], "upload_id": upload_id}


def stored_bytes(api: Api) -> int:
    n_bytes: int = api.call("GET", "/api/profile")[1]["usage"]["stored_bytes"]
    return n_bytes


def pass_time(session: Session, **passed: Any) -> None:
    """Make what uploads wait for as long ago as if this time had passed."""
    age = timedelta(**passed)
    session.execute(
        update(Upload).values(
            kept_until=Upload.kept_until - age, signed_until=Upload.signed_until - age
        )
    )


class TestCreateUpload:
    def test_signs_the_size_that_was_said(self, api: Api, uploads: str) -> None:
        # S3 refuses what differs in a header that is signed: 403 SignatureDoesNotMatch. Seen at
        # https://github.com/HALO-UMC/HALO-SERVER/issues/270. moto checks no signature.
        url = sign(api, uploads).body["url"]

        query = parse_qs(urlsplit(url).query)
        assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
        assert sign(api, uploads, 1).body["url"] != url

    @pytest.mark.parametrize("n_bytes", [None, 0, -1, (4 << 30) + 1, "many"])
    def test_refuses_a_size_that_no_list_may_have(
        self, api: Api, uploads: str, n_bytes: Any
    ) -> None:
        body = {} if n_bytes is None else {"file_size": n_bytes}

        status, problem = api.call("POST", uploads, body)

        assert status == 422
        assert problem["errors"][0]["pointer"] == "/file_size"

    def test_counts_the_bytes_from_then_on(self, api: Api, uploads: str) -> None:
        sign(api, uploads, 1_000)
        sign(api, uploads, 24)

        assert stored_bytes(api) == 1_024

    def test_refuses_what_the_account_has_no_room_for(
        self, api: Api, uploads: str, profile: Profile, session: Session
    ) -> None:
        profile.max_stored_bytes = 1_500
        session.flush()
        sign(api, uploads, 1_000)

        answer = sign(api, uploads, 501)

        assert (answer.status, answer.body["code"]) == (429, "StoredBytesExceededError")
        assert sign(api, uploads, 500).status == 201


class TestRepeatedRequest:
    def test_gets_the_same_upload_under_a_new_link(
        self, api: Api, uploads: str, session: Session
    ) -> None:
        first = sign(api, uploads, idempotency_key="a-1")
        pass_time(session, minutes=59)

        again = sign(api, uploads, idempotency_key="a-1")

        assert (first.status, again.status) == (201, 201)
        assert again.body["upload_id"] == first.body["upload_id"]
        left = select(Upload.signed_until - func.now())
        assert session.scalar(left) == timedelta(hours=1)
        assert stored_bytes(api) == len(LIST)

    def test_is_refused_with_another_size(self, api: Api, uploads: str) -> None:
        sign(api, uploads, 1, idempotency_key="a-1")

        answer = sign(api, uploads, 2, idempotency_key="a-1")

        assert (answer.status, answer.body["code"]) == (422, "IdempotencyKeyReusedError")

    def test_leaves_no_link_in_the_database(self, api: Api, uploads: str, session: Session) -> None:
        sign(api, uploads, idempotency_key="a-1")

        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0


class TestRemoveDue:
    def test_removes_within_the_hour_what_nobody_used(
        self, api: Api, uploads: str, project: Project, session: Session, tick: Any
    ) -> None:
        key = put(project, sign(api, uploads).body["upload_id"])
        pass_time(session, minutes=85)
        assert tick(removing.remove_due) == 0
        pass_time(session, minutes=10)

        assert tick(removing.remove_due) == 1
        assert not objects.exists(key)
        assert stored_bytes(api) == 0

    def test_keeps_for_30_days_what_a_job_used(
        self, api: Api, uploads: str, project: Project, path: str, session: Session, tick: Any
    ) -> None:
        upload_id = sign(api, uploads).body["upload_id"]
        key = put(project, upload_id)
        assert api.call("POST", path, job(upload_id))[0] == 201
        pass_time(session, days=29)
        assert tick(removing.remove_due) == 0
        assert objects.exists(key)
        pass_time(session, days=2)

        assert tick(removing.remove_due) == 1
        assert not objects.exists(key)

    def test_keeps_a_list_that_came_in_a_request(
        self, api: Api, path: str, session: Session, tick: Any
    ) -> None:
        urls = ["https://a.example/1.jpg"]
        api.call("POST", path, {"name": "l", "sources": ["urls"], "urls": urls})
        assert stored_bytes(api) == len(json.dumps(urls[0]))
        pass_time(session, days=29)
        assert tick(removing.remove_due) == 0
        pass_time(session, days=2)

        assert tick(removing.remove_due) == 1
        assert list(objects.list_keys("uploads/")) == []

    def test_waits_for_the_link_of_a_project_that_is_gone(
        self, api: Api, uploads: str, project: Project, session: Session, tick: Any
    ) -> None:
        key = put(project, sign(api, uploads).body["upload_id"])
        session.execute(update(Upload).values(project_id=None))
        assert tick(removing.remove_due) == 0
        pass_time(session, minutes=91)
        session.execute(update(Upload).values(kept_until=func.now() + timedelta(days=1)))

        assert tick(removing.remove_due) == 1
        assert not objects.exists(key)

    def test_keeps_what_a_rule_on_leakage_names(
        self, api: Api, uploads: str, project: Project, session: Session, tick: Any
    ) -> None:
        upload_id = sign(api, uploads).body["upload_id"]
        put(project, upload_id)
        stored = factories.create_crawl_job(session, project, status="completed")
        rule = {"check": "leakage", "params": {"upload_id": upload_id}}
        made, _ = api.call(
            "POST",
            f"/api/projects/{project.id}/crawl-jobs/{stored.id}/validation-jobs",
            {"validation_rules": {"rules": [rule]}},
        )
        pass_time(session, days=2)

        assert (made, tick(removing.remove_due)) == (201, 0)


class TestRemoveStrays:
    def test_removes_what_has_no_row(
        self, api: Api, uploads: str, project: Project, tick: Any
    ) -> None:
        kept = put(project, sign(api, uploads).body["upload_id"])
        put(project, str(uuid4()))
        in_an_hour = datetime.now(UTC) + timedelta(hours=1)
        assert tick(lambda: removing.remove_strays(datetime.now(UTC))) == 0

        assert tick(lambda: removing.remove_strays(in_an_hour)) == 1
        assert list(objects.list_keys("uploads/")) == [kept]

    def test_gives_a_row_to_what_was_uploaded_before_there_were_rows(
        self, api: Api, project: Project, path: str, tick: Any
    ) -> None:
        upload_id = str(uuid4())
        key = put(project, upload_id)
        assert api.call("POST", path, job(upload_id))[0] == 201

        tick(lambda: removing.remove_strays(datetime.now(UTC) + timedelta(hours=2)))

        assert objects.exists(key)
        assert stored_bytes(api) == len(LIST)

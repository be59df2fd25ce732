"""Requests that no database could keep, or that no route could read: 4xx, after the gate."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from crawlset.kit import paging
from crawlset.models import CrawlJob, JobStatus, Profile, Project, RequestCount
from functions.api import app
from tests import factories
from tests.integration.api import Answer, Api
from tests.invocations import CONTEXT, request

NUL, HALF = "cat\0", "cat\ud800"
UNKNOWN = "00000000-0000-7000-8000-000000000000"


def send(
    api: Api, path: str, body: bytes, content_type: str | None, idempotency_key: str = ""
) -> Answer:
    """POST a body as the gateway does: as base64 unless its type is text."""
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    headers |= {} if content_type is None else {"content-type": content_type}
    event = request("POST", path, {"lambda": api.caller}, headers=headers)
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    answer = app.handler(event, CONTEXT)
    return Answer(answer["statusCode"], json.loads(answer["body"]), answer["headers"])


class TestOrder:
    """Who may ask, and how often, comes before what is asked."""

    @pytest.mark.parametrize(
        ("body", "query"), [({"name": 1}, None), ({"name": NUL}, None), (None, {"limit": "x"})]
    )
    def test_scope_is_asked_for_first(self, profile: Profile, body: Any, query: Any) -> None:
        method, scopes = ("GET", "write") if body is None else ("POST", "read")

        answer = Api(profile.id, scopes).ask(method, "/api/projects", body, query)

        assert (answer.status, answer.body["code"]) == (403, "MissingScopeError")

    def test_invalid_requests_are_counted(
        self, api: Api, session: Session, profile: Profile
    ) -> None:
        session.execute(
            update(Profile).where(Profile.id == profile.id).values(max_requests_per_minute=20)
        )
        session.commit()

        answers = [api.ask("POST", "/api/projects", {"name": 1}) for _ in range(30)]

        statuses = [answer.status for answer in answers]
        assert (statuses.count(422), statuses.count(429)) == (20, 10)
        assert all("ratelimit" in answer.headers for answer in answers)

    def test_an_unknown_route_is_counted(self, api: Api) -> None:
        assert "ratelimit" in api.ask("GET", "/api/nothing").headers


class TestBody:
    @pytest.mark.parametrize("content_type", [None, "", "application/json"])
    @pytest.mark.parametrize("idempotency_key", ["", "a-1"])
    def test_must_be_utf_8(self, api: Api, content_type: str | None, idempotency_key: str) -> None:
        answer = send(api, "/api/projects", b'{"name": "\xff"}', content_type, idempotency_key)

        assert (answer.status, answer.body["code"]) == (422, "InvalidRequestError")

    @pytest.mark.parametrize(
        "content_type", ["application/octet-stream", "text/plain", "\xff", "/"]
    )
    @pytest.mark.parametrize("idempotency_key", ["", "a-1"])
    def test_must_be_said_to_be_json(
        self, api: Api, content_type: str, idempotency_key: str
    ) -> None:
        answer = send(api, "/api/projects", b'{"name": "a"}', content_type, idempotency_key)

        assert (answer.status, answer.body["code"]) == (415, "UnsupportedMediaTypeError")

    @pytest.mark.parametrize("content_type", [None, "application/octet-stream"])
    def test_may_be_anything_where_none_is_read(
        self, api: Api, project: Project, content_type: str
    ) -> None:
        path = f"/api/projects/{project.id}/crawl-jobs/{UNKNOWN}/cancel"

        assert send(api, path, b"{}", content_type, "a-1").status == 404

    @pytest.mark.parametrize(
        "value",
        [
            *("9" * 5_000, str(2**63), str(-(2**63) - 1), "1e400", "-1e400"),
            *("NaN", "Infinity", "-Infinity"),
            *('"a\\u0000"', '"\\ud800"', '{"\\u0000": 1}', '{"a": {"\\udfff": 1}}'),
            *("[" * 40 + "]" * 40, "[" * 100_000 + "]" * 100_000, "[" * 100_000),
        ],
        ids=lambda value: value[:12],
    )
    @pytest.mark.parametrize("field", ["name", "unknown"])
    def test_holds_what_a_database_can(self, api: Api, field: str, value: str) -> None:
        body = f'{{"{field}": {value}}}'.encode()

        answer = send(api, "/api/projects", body, "application/json")

        assert (answer.status, answer.body["code"]) == (422, "InvalidRequestError")

    def test_is_told_where_it_cannot_be_kept(self, api: Api, path: str) -> None:
        body = {"name": "a", "keywords": ["cat", NUL], "sources": ["sample"]}

        answer = api.ask("POST", path, body)

        assert answer.body["errors"] == [{"pointer": "/keywords/1", "detail": "holds a NUL"}]


class TestText:
    """Wherever it stands: query, path, cursor."""

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/api/activity", "action"),
            ("/api/activity", "resource_type"),
            ("/api/projects/{id}/crawl-jobs", "keyword"),
            ("/api/projects/{id}/crawl-jobs", "source"),
            ("/api/projects", "nobody knows it"),
        ],
    )
    def test_of_a_query(self, api: Api, project: Project, path: str, name: str) -> None:
        answer = api.ask("GET", path.format(id=project.id), query={name: NUL})

        assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, f"/{name}")

    def test_of_a_path(self, api: Api) -> None:
        answer = api.ask("GET", f"/api/projects/{NUL}")

        assert (answer.status, answer.body["code"]) == (404, "NoRouteError")

    @pytest.mark.parametrize("key", [NUL, HALF, "9" * 5_000])
    def test_of_a_cursor(self, api: Api, key: str) -> None:
        answer = api.ask("GET", "/api/projects", query={"cursor": paging.encode(key)})

        assert (answer.status, answer.body["code"]) == (400, "InvalidCursorError")

    def test_of_a_cursor_of_files(self, api: Api, session: Session, job: CrawlJob) -> None:
        export = factories.create_export_job(session, job, status=JobStatus.completed)
        files = f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/export-jobs/{export.id}/files"

        answer = api.ask("GET", files, query={"cursor": paging.encode(NUL)})

        assert (answer.status, answer.body["code"]) == (400, "InvalidCursorError")


def test_a_deleted_account_is_told_so(api: Api, session: Session, profile: Profile) -> None:
    """The gateway answers for its key for the rest of a minute."""
    api.ask("GET", "/api/projects")
    for table, owner in ((RequestCount, RequestCount.user_id), (Profile, Profile.id)):
        session.execute(delete(table).where(owner == profile.id))
    session.commit()

    answer = api.ask("GET", "/api/projects")

    assert (answer.status, answer.body["code"]) == (401, "AccountGoneError")

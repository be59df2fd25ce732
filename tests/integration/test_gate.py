"""What every request passes: scopes, the minute's allowance, Idempotency-Key, validators."""

import hashlib
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.accounts import edge
from crawlset.models import IdempotencyKey, JobStatus, Profile, Project
from tests import factories
from tests.integration.api import Api


class TestIdempotencyKey:
    def test_gets_the_first_answer_again(self, api: Api, session: Session) -> None:
        first = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-1")
        second = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key='"a-1"')

        assert (first.status, second.status) == (201, 201)
        assert second.body == first.body
        assert second.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert session.scalar(select(func.count()).select_from(Project)) == 1

    def test_tells_a_repeat_from_another_request_for_the_same_name(self, api: Api) -> None:
        first = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-1")
        other = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-2")
        again = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-1")

        assert (first.status, other.status, again.status) == (201, 409, 201)
        assert other.body["existing_id"] == first.body["id"] == again.body["id"]

    def test_means_one_request_only(self, api: Api) -> None:
        api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-1")

        answer = api.ask("POST", "/api/projects", {"name": "Dogs"}, idempotency_key="a-1")

        assert (answer.status, answer.body["code"]) == (422, "IdempotencyKeyReusedError")

    def test_is_one_caller_s(self, api: Api, session: Session) -> None:
        other = Api(factories.create_profile(session).id)
        mine = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-1")

        theirs = other.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key="a-1")

        assert theirs.body["id"] != mine.body["id"]

    def test_keeps_no_failure(self, api: Api, session: Session) -> None:
        unknown = "/api/projects/00000000-0000-7000-8000-000000000000/restore"

        assert api.ask("POST", unknown, idempotency_key="a-1").status == 404
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0

    def test_keeps_no_secret(self, api: Api, session: Session) -> None:
        made = [
            api.ask(
                "POST", "/api/api-keys", {"name": "k", "scopes": ["read"]}, idempotency_key="a-1"
            )
            for _ in range(2)
        ]

        assert made[0].body["key"] != made[1].body["key"]
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0

    @pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", '"', "a\tb"])
    def test_must_be_one(self, api: Api, key: str) -> None:
        answer = api.ask("POST", "/api/projects", {"name": "Cats"}, idempotency_key=key)

        assert (answer.status, answer.body["code"]) == (400, "InvalidIdempotencyKeyError")

    def test_means_nothing_to_a_change(self, api: Api) -> None:
        project = api.ask("POST", "/api/projects", {"name": "Cats"}).body
        path = f"/api/projects/{project['id']}"

        for name in ("Dogs", "Birds"):
            answer = api.ask("PATCH", path, {"name": name}, idempotency_key="a-1")
            assert answer.body["name"] == name


class TestAllowance:
    def test_is_told_with_each_answer(self, api: Api) -> None:
        first, second = (api.ask("GET", "/api/projects") for _ in range(2))

        assert first.headers["ratelimit-policy"] == '"requests";q=600;w=60'
        assert first.headers["ratelimit"].startswith('"requests";r=599;t=')
        assert second.headers["ratelimit"].startswith('"requests";r=598;t=')

    def test_is_told_with_a_problem_too(self, api: Api) -> None:
        unknown = "/api/projects/00000000-0000-7000-8000-000000000000"

        assert "ratelimit" in api.ask("GET", unknown).headers

    def test_ends(self, api: Api, session: Session, profile: Profile) -> None:
        session.execute(
            update(Profile).where(Profile.id == profile.id).values(max_requests_per_minute=2)
        )
        session.commit()

        answers = [api.ask("GET", "/api/projects") for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].body["code"] == "RequestsExceededError"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60

    def test_is_one_caller_s(self, api: Api, session: Session) -> None:
        other = Api(factories.create_profile(session).id)
        api.ask("GET", "/api/projects")

        assert other.ask("GET", "/api/projects").headers["ratelimit"].startswith('"requests";r=599')


class TestValidators:
    def test_save_a_body_that_the_caller_has(self, api: Api) -> None:
        project = api.ask("POST", "/api/projects", {"name": "Cats"}).body
        path = f"/api/projects/{project['id']}"
        tag = api.ask("GET", path).headers["etag"]

        again = api.ask("GET", path, if_none_match=f'"other", {tag}')
        changed = api.ask("PATCH", path, {"name": "Dogs"})
        after = api.ask("GET", path, if_none_match=tag)

        assert (again.status, again.body) == (304, None)
        assert changed.status == after.status == 200
        assert after.headers["etag"] != tag

    def test_keep_a_change_from_what_was_not_seen(self, api: Api) -> None:
        project = api.ask("POST", "/api/projects", {"name": "Cats"}).body
        path = f"/api/projects/{project['id']}"
        tag = api.ask("GET", path).headers["etag"]

        first = api.ask("PATCH", path, {"name": "Dogs"}, if_match=tag)
        second = api.ask("PATCH", path, {"name": "Birds"}, if_match=tag)
        removed = api.ask("DELETE", path, if_match=tag)

        assert (first.status, second.status, removed.status) == (200, 412, 412)
        assert second.body["code"] == "PreconditionFailedError"
        assert api.ask("GET", path).body["name"] == "Dogs"
        assert api.ask("DELETE", path, if_match=api.ask("GET", path).headers["etag"]).status == 200

    @pytest.mark.parametrize("method", ["PATCH", "DELETE"])
    def test_let_a_project_be_changed_whose_jobs_have_moved(
        self, api: Api, session: Session, profile: Profile, method: str
    ) -> None:
        project = factories.create_project(session, profile)
        path = f"/api/projects/{project.id}"
        tag = api.ask("GET", path).headers["etag"]
        factories.create_crawl_job(session, project, status=JobStatus.completed)

        seen = api.ask("GET", path, if_none_match=tag)
        changed = api.ask(method, path, {"name": "Dogs"}, if_match=f'"other", {tag}')

        assert (seen.status, len(seen.body["crawl_jobs"])) == (200, 1)
        assert changed.status == 200

    def test_let_a_profile_be_renamed_that_is_used(
        self, api: Api, session: Session, profile: Profile
    ) -> None:
        tag = api.ask("GET", "/api/profile").headers["etag"]
        factories.create_project(session, profile)

        seen = api.ask("GET", "/api/profile", if_none_match=tag)
        renamed = api.ask("PATCH", "/api/profile", {"name": "Anna"}, if_match=tag)

        assert (seen.status, seen.body["usage"]["n_projects"]) == (200, 1)
        assert (renamed.status, renamed.body["name"]) == (200, "Anna")


class TestScopes:
    @pytest.mark.parametrize(
        ("scopes", "method", "path", "missing"),
        [
            ("write admin", "GET", "/api/projects", "read"),
            ("read admin", "POST", "/api/projects", "write"),
            ("read write", "GET", "/api/api-keys", "admin"),
            ("read write", "DELETE", f"/api/api-keys/{UUID(int=1)}", "admin"),
        ],
    )
    def test_are_asked_for(
        self, profile: Profile, scopes: str, method: str, path: str, missing: str
    ) -> None:
        body = {"name": "Cats"} if method == "POST" else None

        answer = Api(profile.id, scopes).ask(method, path, body)

        assert (answer.status, answer.body["code"]) == (403, "MissingScopeError")
        assert repr(missing) in answer.body["detail"]


class TestEdge:
    @pytest.fixture(autouse=True)
    def there_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = settings.EdgeSettings(edge_digest=hashlib.sha256(b"shown").hexdigest())
        monkeypatch.setattr(edge, "edge_settings", lambda: known)

    @pytest.mark.parametrize("path", ["/api/projects", "/api/session"])
    def test_lets_nobody_pass_whose_key_it_has_let_through_before(
        self, api: Api, path: str
    ) -> None:
        """The gateway keeps what the authorizer said of a key, for a minute."""
        assert api.ask("POST", path, {"name": "Cats"}).status == 403

    def test_lets_through_what_it_has_seen(self, api: Api) -> None:
        assert api.ask("GET", "/api/projects", x_edge_token="shown").status == 200

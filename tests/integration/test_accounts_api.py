"""Profiles, API keys and quotas over HTTP."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, update
from sqlalchemy.orm import Session

from crawlset.accounts import keys as api_keys
from crawlset.accounts import service
from crawlset.accounts.quotas import ActiveJobsExceededError
from crawlset.crawls import service as crawls
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.kit import db
from crawlset.models import ApiKey, JobStatus, Profile, Project
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

CRAWL = {"name": "cats", "keywords": ["cat"], "sources": ["sample"]}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def add_keys(session: Session, profile: Profile, n: int, **fields: Any) -> None:
    for _ in range(n):
        key = ApiKey(
            user_id=profile.id,
            name="k",
            prefix=uuid4().hex[:12],
            key_hash=b"h",
            scopes=["read"],
            **fields,
        )
        session.add(key)
    session.commit()


@pytest.fixture
def profile(session: Session) -> Profile:
    return factories.create_profile(session, email="ann@example.org", name="Ann")


class TestProfile:
    def test_tells_who_and_how_much(self, api: Api, session: Session, project: Project) -> None:
        job = factories.create_crawl_job(session, project)
        factories.create_crawl_job(session, project, status=JobStatus.completed)
        factories.create_chunk(session, job, pack_bytes=123)

        _, profile = api.call("GET", "/api/profile")

        assert (profile["email"], profile["name"]) == ("ann@example.org", "Ann")
        assert profile["usage"] == {"active_jobs": 1, "stored_bytes": 123, "n_projects": 1}
        assert profile["quotas"]["max_active_jobs"] == 10
        assert profile["projects"] == [{"id": str(project.id), "name": project.name}]

    def test_is_renamed_and_nothing_else(self, api: Api) -> None:
        _, renamed = api.call("PATCH", "/api/profile", {"name": "Anna"})
        status, _ = api.call("PATCH", "/api/profile", {"quotas": {"max_active_jobs": 1000}})

        assert (renamed["name"], status) == ("Anna", 422)

    def test_shows_the_newest_twenty_projects(
        self, api: Api, session: Session, profile: Profile
    ) -> None:
        names = [factories.create_project(session, profile, name=str(n)).name for n in range(21)]

        _, shown = api.call("GET", "/api/profile")

        assert [project["name"] for project in shown["projects"]] == names[:0:-1]
        assert shown["usage"]["n_projects"] == 21
        assert api.call("GET", shown["projects_url"])[0] == 200

    def test_is_renamed_only_as_it_was_seen(self, api: Api) -> None:
        tag = api.ask("GET", "/api/profile").headers["etag"]

        first, second = (
            api.ask("PATCH", "/api/profile", {"name": name}, if_match=tag) for name in ("A", "B")
        )

        assert (first.status, second.status) == (200, 412)
        assert api.call("GET", "/api/profile")[1]["name"] == "A"


class TestApiKeys:
    def test_are_shown_once_and_open_what_their_scopes_say(
        self, api: Api, session: Session
    ) -> None:
        status, made = api.call("POST", "/api/api-keys", {"name": "ci", "scopes": ["read"]})
        listed = api.call("GET", "/api/api-keys")[1]["items"]

        with db.transaction() as transaction:
            caller = service.authenticate(transaction, f"Bearer {made['key']}")
        assert status == 201
        assert caller is not None
        assert caller.scopes == ("read",)
        assert [key["id"] for key in listed] == [made["id"]]
        assert "key" not in listed[0]
        stored = session.get_one(ApiKey, made["id"])
        secret = api_keys.parse(f"Bearer {made['key']}")
        assert secret is not None
        assert secret.secret.encode() not in stored.key_hash

    def test_open_nothing_once_revoked(self, api: Api) -> None:
        made = api.call("POST", "/api/api-keys", {"name": "ci", "scopes": ["read"]})[1]
        path = f"/api/api-keys/{made['id']}"

        assert [api.call("DELETE", path)[0] for _ in range(2)] == [204, 204]

        with db.transaction() as transaction:
            assert service.authenticate(transaction, f"Bearer {made['key']}") is None
        (listed,) = api.call("GET", "/api/api-keys")[1]["items"]
        assert listed["revoked_at"] is not None

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"scopes": []}, "/scopes"),
            ({"scopes": ["root"]}, "/scopes/0"),
            ({"scopes": ["read", "read"]}, "/scopes"),
            ({"scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
            ({"scopes": ["read"], "expires_at": "2100-01-01T00:00:00"}, "/expires_at"),
            ({"scopes": ["read"], "expires_at": "9999-12-31T23:59:59-12:00"}, "/expires_at"),
        ],
    )
    def test_must_be_good_for_something(
        self, api: Api, fields: dict[str, Any], pointer: str
    ) -> None:
        status, problem = api.call("POST", "/api/api-keys", {"name": "ci"} | fields)

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)

    def test_are_listed_page_by_page(self, api: Api) -> None:
        body = {"name": "ci", "scopes": ["read"], "expires_at": "2100-01-01T00:00:00+01:00"}
        made = [api.call("POST", "/api/api-keys", body)[1]["id"] for _ in range(3)]

        _, first = api.call("GET", "/api/api-keys", query={"limit": "2"})
        _, second = api.call(
            "GET", "/api/api-keys", query={"limit": "2", "cursor": first["next_cursor"]}
        )

        assert [key["id"] for key in first["items"] + second["items"]] == made[::-1]
        assert second["next_cursor"] is None
        assert second["items"][0]["expires_at"] == "2099-12-31T23:00:00Z"

    def test_are_fifty_usable_ones_at_most(
        self, api: Api, session: Session, profile: Profile
    ) -> None:
        body = {"name": "ci", "scopes": ["read"]}
        add_keys(session, profile, service.MAX_KEYS - 1)
        add_keys(session, profile, 1, expires_at=LONG_AGO)
        add_keys(session, profile, 1, revoked_at=LONG_AGO)

        last, _ = api.call("POST", "/api/api-keys", body)
        status, problem = api.call("POST", "/api/api-keys", body)

        assert (last, status, problem["code"]) == (201, 409, "TooManyKeysError")


class TestQuotas:
    def limit(self, session: Session, **quotas: int) -> None:
        session.execute(update(Profile).values(**quotas))
        session.commit()

    def post(self, api: Api, project: Project, **fields: Any) -> tuple[int, Any]:
        return api.call("POST", f"/api/projects/{project.id}/crawl-jobs", CRAWL | fields)

    def test_hold_for_images_of_a_job(self, api: Api, session: Session, project: Project) -> None:
        self.limit(session, max_images_per_job=500)

        refused, problem = self.post(api, project, max_images=501)
        _, job = self.post(api, project)

        assert (refused, problem["errors"][0]["pointer"]) == (422, "/max_images")
        assert job["max_images"] == 500

    def test_hold_for_stored_bytes(self, api: Api, session: Session, project: Project) -> None:
        self.limit(session, max_stored_bytes=100)
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)
        factories.create_chunk(session, job, pack_bytes=100)

        status, problem = self.post(api, project)

        assert (status, problem["code"]) == (429, "StoredBytesExceededError")

    @pytest.mark.parametrize("again", ["retry", "recrawl"])
    def test_hold_for_jobs_that_run_again(
        self, api: Api, session: Session, project: Project, again: str
    ) -> None:
        self.limit(session, max_active_jobs=1)
        factories.create_crawl_job(session, project)
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)
        chunk = factories.create_chunk(session, job)
        factories.create_image(session, chunk)
        factories.create_image(
            session, chunk, status=ImageStatus.failed, outcome=Outcome.connect_error
        )

        status, problem = api.call(
            "POST", f"/api/projects/{project.id}/crawl-jobs/{job.id}/{again}"
        )

        assert (status, problem["code"]) == (429, "ActiveJobsExceededError")


class TestFiftyAtOnce:
    """The services, each in a connection of its own: one Lambda serves one request at a time."""

    @pytest.fixture
    def project(self, owner: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
        pool = create_engine(owner.get_bind().engine.url, pool_size=50)
        monkeypatch.setattr(db, "new_session", lambda: Session(pool, expire_on_commit=False))
        profile = factories.create_profile(owner, max_active_jobs=7)
        add_keys(owner, profile, service.MAX_KEYS - 7)
        yield factories.create_project(owner, profile)
        pool.dispose()

    def count_made(self, make: Callable[[Session], object], user_id: UUID) -> int:
        def made(_: int) -> bool:
            try:
                with db.transaction(user_id) as session:
                    make(session)
            except (ActiveJobsExceededError, service.TooManyKeysError):
                return False
            return True

        with ThreadPoolExecutor(50) as threads:
            return sum(threads.map(made, range(50)))

    def test_start_as_many_jobs_as_there_are_places(self, project: Project) -> None:
        request = CrawlJobCreate.model_validate(CRAWL)

        def create(session: Session) -> None:
            crawls.create(session, project.user_id, project.id, request)

        assert self.count_made(create, project.user_id) == 7

    def test_make_as_many_keys_as_there_may_be(self, project: Project) -> None:
        def create(session: Session) -> None:
            service.create_key(session, project.user_id, name="k", scopes=["read"], expires_at=None)

        assert self.count_made(create, project.user_id) == 7


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "text/plain",
        ";",
    ],
)
def test_a_body_that_is_no_json_is_told_what_to_send(session: Session, kind: str) -> None:
    api = Api(factories.create_profile(session).id)
    session.commit()

    answer = api.ask("PATCH", "/api/profile", {"name": "Ida"}, content_type=kind)

    assert (answer.status, answer.body["code"]) == (415, "UnsupportedMediaTypeError")

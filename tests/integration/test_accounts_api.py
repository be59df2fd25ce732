"""Profiles, API keys and quotas over HTTP."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, delete, update
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.accounts import keys as api_keys
from crawlset.accounts import service
from crawlset.accounts.quotas import ActiveJobsExceededError
from crawlset.crawls import service as crawls
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.kit import db
from crawlset.models import ApiKey, JobStatus, OutboxMessage, Profile, Project
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket", "queues")

CRAWL = {"name": "cats", "keywords": ["cat"], "sources": ["sample"]}


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SAMPLE_SOURCE_URL", "http://127.0.0.1:1")
    settings.source_settings.cache_clear()
    yield
    settings.source_settings.cache_clear()


@pytest.fixture
def profile(session: Session) -> Profile:
    return factories.create_profile(session, email="ann@example.org", name="Ann")


@pytest.fixture
def project(session: Session, profile: Profile) -> Project:
    return factories.create_project(session, profile)


@pytest.fixture
def api(profile: Profile) -> Api:
    return Api(profile.id)


class TestProfile:
    def test_tells_who_and_how_much(self, api: Api, session: Session, project: Project) -> None:
        job = factories.create_crawl_job(session, project)
        factories.create_chunk(session, job, bytes_stored=123)

        _, profile = api.call("GET", "/api/profile")

        assert (profile["email"], profile["name"]) == ("ann@example.org", "Ann")
        assert profile["usage"] == {"active_jobs": 1, "stored_bytes": 123}
        assert profile["quotas"]["max_active_jobs"] == 10
        assert profile["projects"] == [{"id": str(project.id), "name": project.name}]

    def test_is_renamed_and_nothing_else(self, api: Api) -> None:
        _, renamed = api.call("PATCH", "/api/profile", {"name": "Anna"})
        status, _ = api.call("PATCH", "/api/profile", {"quotas": {"max_active_jobs": 1000}})

        assert (renamed["name"], status) == ("Anna", 422)


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
        ],
    )
    def test_must_be_good_for_something(
        self, api: Api, fields: dict[str, Any], pointer: str
    ) -> None:
        status, problem = api.call("POST", "/api/api-keys", {"name": "ci"} | fields)

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)

    def test_are_fifty_at_most(self, api: Api, session: Session, profile: Profile) -> None:
        for n in range(service.MAX_KEYS):
            session.add(
                ApiKey(
                    user_id=profile.id,
                    name="k",
                    prefix=f"{n:012x}",
                    key_hash=b"h",
                    scopes=["read"],
                )
            )
        session.commit()

        status, problem = api.call("POST", "/api/api-keys", {"name": "ci", "scopes": ["read"]})

        assert (status, problem["code"]) == (409, "TooManyKeysError")


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
        factories.create_chunk(session, job, bytes_stored=100)

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
    @pytest.fixture
    def project(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
        """Committed; each request has a connection of its own."""
        pool = create_engine(engine.url, pool_size=50)
        monkeypatch.setattr(db, "new_session", lambda: Session(pool, expire_on_commit=False))
        with Session(engine, expire_on_commit=False) as session:
            profile = factories.create_profile(session)
            session.execute(update(Profile).values(max_active_jobs=7))
            yield factories.create_project(session, profile)
            session.rollback()
            session.execute(delete(Profile))
            session.execute(delete(OutboxMessage))
            session.commit()
        pool.dispose()

    def test_get_exactly_the_places_there_are(self, project: Project) -> None:
        request = CrawlJobCreate.model_validate(CRAWL)

        def create(_: int) -> bool:
            try:
                with db.transaction(project.user_id) as session:
                    crawls.create(session, project.user_id, project.id, request)
            except ActiveJobsExceededError:
                return False
            return True

        with ThreadPoolExecutor(50) as threads:
            made = list(threads.map(create, range(50)))

        assert made.count(True) == 7

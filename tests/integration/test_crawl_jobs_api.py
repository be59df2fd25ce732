from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.kit import aws, objects
from crawlset.kit.paging import encode
from crawlset.models import (
    CrawlJob,
    JobSearch,
    JobStatus,
    OutboxMessage,
    Profile,
    Project,
    WorkStatus,
)
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset.wire.chunks import ChunkHead, ChunkMessage, ChunkUrl
from crawlset.wire.record import unpack
from crawlset.wire.searches import DiscoverMessage
from tests import factories
from tests.integration.api import Api
from tests.spellings import PAIRS

pytestmark = pytest.mark.usefixtures("bucket", "sample_source")


@pytest.fixture
def path(project: Project) -> str:
    return f"/api/projects/{project.id}/crawl-jobs"


def keyword_job(**overrides: Any) -> dict[str, Any]:
    return {"name": "cats", "keywords": ["cat"], "sources": ["sample"]} | overrides


def url_job(**overrides: Any) -> dict[str, Any]:
    urls = ["https://a.example.org/1.jpg"]
    return {"name": "list", "sources": ["urls"], "urls": urls} | overrides


def count_rows(session: Session) -> int:
    tables = (CrawlJob, JobSearch, OutboxMessage)
    return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


class TestGetCrawlJob:
    def test_shows_what_belongs_to_it_and_where_the_rest_is(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        factories.create_search(session, job)
        ids = [str(factories.create_validation_job(session, job).id) for _ in range(12)]
        export = factories.create_export_job(session, job)

        _, body = api.call("GET", f"{path}/{job.id}")

        assert body["project"] == {"id": str(project.id), "name": project.name}
        assert [search["keyword"] for search in body["searches"]] == ["cat"]
        assert [item["id"] for item in body["validation_jobs"]] == ids[-10:]
        assert [item["id"] for item in body["export_jobs"]] == [str(export.id)]
        for name in ("chunks", "images", "events", "validation_jobs", "export_jobs"):
            assert api.call("GET", body[f"{name}_url"])[0] == 200


class TestCreateCrawlJob:
    def test_queues_one_search_per_keyword_and_source(
        self, api: Api, path: str, queues: Any
    ) -> None:
        status, body = api.call("POST", path, keyword_job(keywords=["cat", "dog"], max_images=5))

        assert (status, body["status"]) == (201, "pending")
        requests = [DiscoverMessage.from_json(body).request for body in queues.bodies("discover")]
        assert [(r.keyword, r.limit) for r in requests] == [("cat", 3), ("dog", 2)]

    def test_stores_a_list_of_urls_for_discover(self, api: Api, path: str, queues: Any) -> None:
        status, _ = api.call("POST", path, url_job())

        assert status == 201
        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert objects.get(str(message.request.manifest_key)) == b"https://a.example.org/1.jpg"

    def test_takes_every_spelling_of_a_host(self, api: Api, path: str, queues: Any) -> None:
        urls = list(dict.fromkeys(f"https://{spelling}/1.jpg" for spelling, _ in PAIRS))

        status, _ = api.call("POST", path, url_job(urls=urls))

        assert status == 201
        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert objects.get(str(message.request.manifest_key)).decode().splitlines() == urls

    @pytest.mark.parametrize("source", ["urls", "open_images", "laion"])
    def test_takes_an_uploaded_manifest(
        self, api: Api, path: str, project: Project, queues: Any, source: str
    ) -> None:
        _, upload = api.call("POST", f"/api/projects/{project.id}/uploads", {})
        key = f"uploads/{project.user_id}/{upload['upload_id']}"
        objects.put(key, b"https://a.example.org/1.jpg\n")

        status, _ = api.call(
            "POST", path, {"name": "l", "sources": [source], "upload_id": upload["upload_id"]}
        )

        assert status == 201
        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert message.request.source == source

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            (keyword_job(sources=["gogle"]), "/sources"),
            (keyword_job(keywords=[]), "/keywords"),
            (keyword_job(keywords=[""]), "/keywords/0"),
            (keyword_job(keywords=["cat", "cat"]), "/keywords"),
            (keyword_job(name="a\0b"), "/name"),
            (keyword_job(keywords=["a\0b"]), "/keywords/0"),
            (keyword_job(sources=[]), "/sources"),
            (keyword_job(sources=["unsplash"]), "/sources"),
            (keyword_job(licences=["made-up"]), "/licences"),
            (keyword_job(owner_id="x"), "/owner_id"),
            (keyword_job(max_images=0), "/max_images"),
            (url_job(urls=["https:///no-host.jpg"]), "/urls/0"),
            (url_job(urls=["ftp://a.example.org/1.jpg"]), "/urls/0"),
            (url_job(urls=[]), "/urls"),
            (url_job(keywords=["cat"]), "/urls"),
            (url_job(upload_id=str(uuid4())), "/upload_id"),
            (keyword_job(sources=["sample", "urls"]), "/sources"),
            ({"name": "list", "sources": ["urls"]}, "/sources"),
        ],
    )
    def test_says_what_is_wrong_and_leaves_no_row(
        self, session: Session, api: Api, path: str, body: dict[str, Any], pointer: str
    ) -> None:
        status, problem = api.call("POST", path, body)

        assert status == 422
        assert problem["detail"]
        assert problem["errors"][0]["pointer"] == pointer
        assert count_rows(session) == 0

    @pytest.mark.parametrize(
        ("content", "format_"),
        [
            (b"not,a,list\n1,2,3\n", "csv"),
            (b'{"url": "https://a.example.org/1.jpg"}\n{broken\n', "jsonl"),
            (b"\xff\xfe\x00\x01", "txt"),
            (b"PAR1 but cut short", "parquet"),
            (b"", "txt"),
        ],
    )
    def test_refuses_a_malformed_manifest(
        self,
        session: Session,
        api: Api,
        path: str,
        project: Project,
        content: bytes,
        format_: str,
    ) -> None:
        upload_id = uuid4()
        objects.put(f"uploads/{project.user_id}/{upload_id}", content)

        status, problem = api.call(
            "POST",
            path,
            {
                "name": "l",
                "sources": ["urls"],
                "upload_id": str(upload_id),
                "manifest_format": format_,
            },
        )

        assert (status, problem["code"]) == (422, "MalformedManifestError")
        assert count_rows(session) == 0

    def test_refuses_a_manifest_of_2_gigabytes_unread(
        self,
        session: Session,
        api: Api,
        path: str,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        upload_id = uuid4()
        objects.put(f"uploads/{project.user_id}/{upload_id}", b"https://a.example.org/1.jpg")
        client = aws.s3()
        head = client.head_object
        monkeypatch.setattr(
            client, "head_object", lambda **request: head(**request) | {"ContentLength": 2 << 30}
        )

        status, problem = api.call(
            "POST", path, {"name": "l", "sources": ["urls"], "upload_id": str(upload_id)}
        )

        assert (status, problem["code"]) == (422, "MalformedManifestError")
        assert "2,147,483,648" in problem["detail"]
        assert count_rows(session) == 0

    def test_answers_404_on_someone_elses_project(
        self, session: Session, path: str, queues: Any
    ) -> None:
        stranger = Api(factories.create_profile(session).id)

        status, problem = stranger.call("POST", path, keyword_job())

        assert (status, problem["code"]) == (404, "NotFoundError")
        assert count_rows(session) == 0


class TestReadCrawlJob:
    def test_counts_what_became_of_every_candidate(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        factories.create_chunk(
            session,
            job,
            n_urls=10,
            status=WorkStatus.completed,
            outcomes={"stored": 6, "http_404": 3, "refused_noai": 1},
            bytes_stored=600,
        )
        factories.create_chunk(session, job, n_urls=5)

        status, body = api.call("GET", f"{path}/{job.id}")

        assert status == 200
        assert body["progress"] == {
            "candidates": 15,
            "pending": 5,
            "stored": 6,
            "duplicate": 0,
            "rejected": 0,
            "refused": 1,
            "failed": 3,
            "cancelled": 0,
        }
        assert body["outcomes"] == {"stored": 6, "http_404": 3, "refused_noai": 1}
        assert (body["chunks"]["queued"], body["bytes_stored"]) == (1, 600)

    def test_pages_through_images_by_outcome(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        chunk = factories.create_chunk(session, job)
        stored = [factories.create_image(session, chunk).id for _ in range(3)]
        factories.create_image(session, chunk, status=ImageStatus.pending)

        _, first = api.call(
            "GET", f"{path}/{job.id}/images", query={"limit": "2", "status": "stored"}
        )
        _, rest = api.call(
            "GET",
            f"{path}/{job.id}/images",
            query={"limit": "2", "status": "stored", "cursor": first["next_cursor"]},
        )

        assert [i["id"] for i in first["items"] + rest["items"]] == stored
        assert rest["next_cursor"] is None

    @pytest.mark.parametrize(
        "cursor", ["nonsense", "WzEsICJ4Il0", "WzIsICIxIl0", encode(str(10**30))]
    )
    def test_refuses_a_cursor_it_never_gave(
        self, session: Session, api: Api, path: str, project: Project, cursor: str
    ) -> None:
        job = factories.create_crawl_job(session, project)

        status, problem = api.call("GET", f"{path}/{job.id}/images", query={"cursor": cursor})

        assert (status, problem["code"]) == (400, "InvalidCursorError")

    def test_answers_404_on_someone_elses_job_as_on_an_unknown_one(
        self, session: Session, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        stranger = Api(factories.create_profile(session).id)

        _, theirs = stranger.call("GET", f"{path}/{job.id}")
        _, unknown = stranger.call("GET", f"{path}/{uuid4()}")

        assert theirs["status"] == unknown["status"] == 404
        assert theirs.keys() == unknown.keys()

    def test_needs_the_scope(self, profile: Profile, path: str) -> None:
        reader = Api(profile.id, scopes="read")

        status, problem = reader.call("POST", path, keyword_job())

        assert (status, problem["code"]) == (403, "MissingScopeError")


@pytest.mark.usefixtures("queues")
class TestCancel:
    def test_ends_open_work_and_keeps_what_is_settled(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        done = factories.create_chunk(
            session, job, status=WorkStatus.completed, outcomes={"stored": 1}
        )
        kept = factories.create_image(session, done)
        open_ = factories.create_chunk(session, job)
        image = factories.create_image(session, open_, status=ImageStatus.pending)

        status, body = api.call("POST", f"{path}/{job.id}/cancel")

        assert (status, body["status"]) == (200, "cancelled")
        assert (body["progress"]["stored"], body["progress"]["cancelled"]) == (1, 1)
        session.refresh(image)
        session.refresh(kept)
        assert (image.outcome, kept.outcome) == (Outcome.cancelled, Outcome.stored)
        assert objects.exists(f"jobs/{job.id}/cancelled")

    def test_answers_409_once_finished(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)

        status, problem = api.call("POST", f"{path}/{job.id}/cancel")

        assert (status, problem["code"]) == (409, "CrawlJobFinishedError")


class TestRetry:
    def test_tries_again_only_what_may_end_otherwise(
        self, session: Session, api: Api, path: str, project: Project, queues: Any
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)
        chunk = factories.create_chunk(
            session,
            job,
            status=WorkStatus.completed,
            n_urls=2,
            outcomes={"timeout": 1, "http_404": 1},
        )
        slow = factories.create_image(
            session,
            chunk,
            status=ImageStatus.failed,
            outcome=Outcome.timeout,
            n_retries=2,
            n_deferrals=10,
        )
        factories.create_image(session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404)

        status, body = api.call("POST", f"{path}/{job.id}/retry")

        assert (status, body["status"]) == (200, "running")
        assert body["progress"] == {
            "candidates": 2,
            "pending": 1,
            "stored": 0,
            "duplicate": 0,
            "rejected": 0,
            "refused": 0,
            "failed": 1,
            "cancelled": 0,
        }
        (message,) = map(ChunkMessage.from_json, queues.bodies("chunks"))
        key = keys.chunk_input(job.id, message.chunk_id, 1)
        _, lines = unpack(ChunkHead, ChunkUrl, objects.get_lines(key))
        assert lines == [ChunkUrl(0, slow.url)]
        session.refresh(slow)
        assert (slow.n_retries, slow.n_deferrals) == (0, 0)

    def test_answers_409_when_every_failure_is_final(
        self, session: Session, api: Api, path: str, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project, status=JobStatus.completed)

        status, problem = api.call("POST", f"{path}/{job.id}/retry")

        assert (status, problem["code"]) == (409, "NothingToRetryError")


class TestProjects:
    def test_goes_through_its_life(self, api: Api) -> None:
        _, created = api.call("POST", "/api/projects", {"name": "Birds"})
        path = f"/api/projects/{created['id']}"

        _, renamed = api.call("PATCH", path, {"name": "Owls"})
        _, listed = api.call("GET", "/api/projects")
        status, _ = api.call("DELETE", path)

        assert renamed["name"] == "Owls"
        assert [project["id"] for project in listed["items"]] == [created["id"]]
        assert (status, api.call("GET", path)[0]) == (200, 404)

    def test_answers_409_with_the_one_that_has_the_name(self, api: Api, project: Project) -> None:
        _, other = api.call("POST", "/api/projects", {"name": "Owls"})

        answers = [
            api.call("POST", "/api/projects", {"name": f" {project.name} "}),
            api.call("PATCH", f"/api/projects/{other['id']}", {"name": project.name}),
        ]

        for status, problem in answers:
            assert (status, problem["code"]) == (409, "ProjectNameTakenError")
            assert problem["existing_id"] == str(project.id)
            assert str(project.id) in problem["detail"]
        _, listed = api.call("GET", "/api/projects")
        assert [p["name"] for p in listed["items"]] == ["Owls", project.name]

    def test_lets_a_project_keep_its_name(self, api: Api, project: Project) -> None:
        body = {"name": project.name, "description": "Changed"}

        status, changed = api.call("PATCH", f"/api/projects/{project.id}", body)

        assert (status, changed["description"]) == (200, "Changed")

    def test_lets_accounts_use_one_name(self, session: Session, project: Project) -> None:
        other = Api(factories.create_profile(session).id)

        assert other.call("POST", "/api/projects", {"name": project.name})[0] == 201

    @pytest.mark.parametrize(
        ("method", "body"),
        [
            ("POST", {"name": "a\0b"}),
            ("POST", {"name": "x", "description": "a\0b"}),
            ("POST", {"name": "x", "owner_id": "y"}),
            ("PATCH", {"name": None}),
        ],
    )
    def test_says_what_is_wrong_with_a_project(
        self, api: Api, project: Project, method: str, body: dict[str, Any]
    ) -> None:
        path = "/api/projects" + (f"/{project.id}" if method == "PATCH" else "")

        status, problem = api.call(method, path, body)

        assert (status, problem["code"]) == (422, "InvalidRequestError")

    def test_keeps_a_project_while_its_job_runs(
        self, session: Session, api: Api, project: Project
    ) -> None:
        factories.create_crawl_job(session, project)

        status, problem = api.call("DELETE", f"/api/projects/{project.id}")

        assert (status, problem["code"]) == (409, "ProjectActiveError")

    def test_answers_404_problem_on_an_unknown_route(self, api: Api) -> None:
        status, problem = api.call("GET", "/api/nope")

        assert (status, problem["code"]) == (404, "NoRouteError")

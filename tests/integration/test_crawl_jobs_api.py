import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crawlset.kit import aws, objects
from crawlset.kit.paging import encode
from crawlset.models import CrawlJob, JobSearch, OutboxMessage, Profile, Project, WorkStatus
from crawlset.outcomes import ImageStatus
from crawlset.wire.searches import DiscoverMessage
from tests import factories
from tests.integration.api import Api
from tests.spellings import PAIRS

pytestmark = pytest.mark.usefixtures("bucket", "sample_source")


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
        assert objects.get(str(message.request.manifest_key)) == b'"https://a.example.org/1.jpg"'

    def test_takes_every_spelling_of_a_host(self, api: Api, path: str, queues: Any) -> None:
        urls = list(dict.fromkeys(f"https://{spelling}/1.jpg" for spelling, _ in PAIRS))

        status, _ = api.call("POST", path, url_job(urls=urls))

        assert status == 201
        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        stored = objects.get(str(message.request.manifest_key))
        assert [json.loads(line) for line in stored.splitlines()] == urls

    @pytest.mark.parametrize(
        "source", ["urls", "open_images", "laion", "gbif_downloads", "inaturalist_open_data"]
    )
    def test_takes_an_uploaded_manifest(
        self, api: Api, path: str, project: Project, queues: Any, source: str
    ) -> None:
        _, upload = api.call("POST", f"/api/projects/{project.id}/uploads", {"file_size": 28})
        key = f"uploads/{project.user_id}/{upload['upload_id']}"
        objects.put(key, b"https://a.example.org/1.jpg\n")

        status, _ = api.call(
            "POST", path, {"name": "l", "sources": [source], "upload_id": upload["upload_id"]}
        )

        assert status == 201
        (message,) = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert message.request.source == source

    def test_takes_a_list_without_a_source_for_one_of_urls(
        self, api: Api, path: str, project: Project, queues: Any
    ) -> None:
        upload_id = str(uuid4())
        objects.put(f"uploads/{project.user_id}/{upload_id}", b"https://a.example.org/1.jpg\n")

        answers = [
            api.call("POST", path, {"name": "l", "urls": ["https://a.example.org/1.jpg"]}),
            api.call("POST", path, {"name": "l", "upload_id": upload_id}),
            api.call("POST", path, url_job(sources=[])),
            api.call("POST", f"{path}/estimate", {"name": "l", "upload_id": upload_id}),
        ]

        assert [status for status, _ in answers] == [201, 201, 201, 200]
        messages = map(DiscoverMessage.from_json, queues.bodies("discover"))
        assert [message.request.source for message in messages] == ["urls"] * 3

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            (keyword_job(sources=["gogle"]), "/sources"),
            ({"name": "cats", "keywords": ["cat"]}, "/sources"),
            ({"name": "list", "urls": None}, "/sources"),
            (keyword_job(transcode="png", resize={"mode": "no", "size": 256}), "/transcode"),
            (
                url_job(transcode="jpeg", resize={"mode": "no", "size": 99, "format": "webp"}),
                "/transcode",
            ),
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
            (url_job(urls=["https:///no-host.jpg", "ftp://a.example.org/1.jpg"]), "/urls"),
            (url_job(urls=["https://a.example.org/1.jpg", 2]), "/urls/1"),
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
            (b'{"name": "a red bicycle"}\n{broken\n', "jsonl"),
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

    def test_refuses_a_manifest_of_8_gigabytes_unread(
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
            client, "head_object", lambda **request: head(**request) | {"ContentLength": 8 << 30}
        )

        status, problem = api.call(
            "POST", path, {"name": "l", "sources": ["urls"], "upload_id": str(upload_id)}
        )

        assert (status, problem["code"]) == (422, "MalformedManifestError")
        assert "8,589,934,592" in problem["detail"]
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
            "repeated": 0,
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

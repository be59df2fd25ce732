"""Lists: what they are filtered and sorted by, and what they cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from crawlset.models import JobStatus, Project
from crawlset.outcomes import ImageStatus, Outcome
from tests import factories
from tests.integration.api import Api

pytestmark = pytest.mark.usefixtures("bucket")


@contextmanager
def statements(connection: Connection) -> Iterator[list[str]]:
    """What the route asks of the tables: not the settings of the transaction, nor the gate."""
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FROM" in statement and "count_request" not in statement:
            asked.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield asked
    event.remove(connection, "before_cursor_execute", note)


class TestCrawlJobs:
    def test_are_filtered(self, api: Api, path: str, session: Session, project: Project) -> None:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        cats = factories.create_crawl_job(session, project, keywords=["cat", "dog"])
        birds = factories.create_crawl_job(
            session,
            project,
            keywords=["bird"],
            sources=["urls"],
            status=JobStatus.failed,
            created_at=long_ago,
        )

        def shown(**query: str) -> list[str]:
            return [job["id"] for job in api.call("GET", path, query=query)[1]["items"]]

        assert shown(keyword="dog") == [str(cats.id)]
        assert shown(source="urls") == [str(birds.id)]
        assert shown(status="failed") == [str(birds.id)]
        assert shown(created_before="2026-02-01T00:00:00Z") == [str(birds.id)]
        assert shown(created_from="2026-02-01T00:00:00Z") == [str(cats.id)]
        assert shown(keyword="dog", status="failed") == []

    def test_are_filtered_by_any_offset_of_rfc_3339(
        self, api: Api, path: str, session: Session, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)

        answers = [
            api.call("GET", path, query={"created_from": instant})
            for instant in ("1645-09-19T16:42:42.037277+22:46", "2026-01-01T00:00:00-23:59")
        ]

        shown = [[shown["id"] for shown in body["items"]] for _, body in answers]
        assert shown == [[str(job.id)]] * 2

    @pytest.mark.parametrize("sort", ["created", "-created"])
    def test_come_once_each_while_others_are_added(
        self, api: Api, path: str, session: Session, project: Project, sort: str
    ) -> None:
        ids = [str(factories.create_crawl_job(session, project).id) for _ in range(5)]
        seen: list[str] = []
        cursor = None
        while True:
            query = {"limit": "2", "sort": sort} | ({"cursor": cursor} if cursor else {})
            page = api.call("GET", path, query=query)[1]
            seen += [job["id"] for job in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None or len(seen) > 20:
                break
            if len(seen) == 2:
                newest = str(factories.create_crawl_job(session, project).id)

        expected = [*ids, newest] if sort == "created" else ids[::-1]
        assert seen == expected

    def test_ask_the_database_twice_for_fifty(
        self, api: Api, path: str, session: Session, project: Project, connection: Connection
    ) -> None:
        for _ in range(50):
            job = factories.create_crawl_job(session, project)
            factories.create_chunk(session, job, outcomes={"stored": 1})

        with statements(connection) as asked:
            page = api.call("GET", path, query={"limit": "50"})[1]

        assert [job["progress"]["stored"] for job in page["items"]] == [1] * 50
        assert len(asked) <= 2

    def test_of_an_unknown_project_are_no_empty_list(self, api: Api) -> None:
        unknown = "/api/projects/00000000-0000-7000-8000-000000000000/crawl-jobs"

        assert api.call("GET", unknown)[0] == 404

    @pytest.mark.parametrize(
        "query",
        [
            {"sort": "name"},
            {"created_from": "yesterday"},
            {"created_from": "0001-01-01T00:00:00+01:00"},
            {"created_before": "9999-12-31T23:59:59-01:00"},
            {"keyword": ""},
        ],
    )
    def test_refuse_what_they_cannot_be_asked(
        self, api: Api, path: str, query: dict[str, str]
    ) -> None:
        assert api.call("GET", path, query=query)[0] == 422


class TestImages:
    def test_are_filtered_and_sorted(
        self, api: Api, path: str, session: Session, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        chunk = factories.create_chunk(session, job)
        cat = factories.create_image(session, chunk)
        bird = factories.create_image(
            session,
            chunk,
            keyword="bird",
            source="urls",
            status=ImageStatus.failed,
            outcome=Outcome.http_404,
        )

        def shown(**query: str) -> list[int]:
            answer = api.call("GET", f"{path}/{job.id}/images", query=query)[1]
            return [image["id"] for image in answer["items"]]

        assert shown() == [cat.id, bird.id]
        assert shown(sort="-created") == [bird.id, cat.id]
        assert shown(keyword="bird") == shown(source="urls") == shown(status="failed") == [bird.id]
        assert shown(outcome="stored") == [cat.id]

    def test_tell_where_their_bytes_are(
        self, api: Api, path: str, session: Session, project: Project
    ) -> None:
        job = factories.create_crawl_job(session, project)
        chunk = factories.create_chunk(session, job)
        stored = factories.create_image(session, chunk)
        failed = factories.create_image(
            session, chunk, status=ImageStatus.failed, outcome=Outcome.http_404
        )

        _, content = api.call("GET", f"{path}/{job.id}/images/{stored.id}/content")
        status, problem = api.call("GET", f"{path}/{job.id}/images/{failed.id}/content")

        assert content["headers"] == {"Range": "bytes=512-1511"}
        assert stored.pack_key in content["url"]
        assert datetime.fromisoformat(content["expires_at"]) > datetime.now(UTC) + timedelta(
            minutes=10
        )
        assert (status, problem["code"]) == (409, "ImageNotStoredError")

"""Jobs of several lists: uploads, or what is below a prefix."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.crawls import planning
from crawlset.kit import objects
from crawlset.models import Image, Project
from crawlset.sources import worker
from crawlset.wire import keys
from tests.integration.api import Api
from tests.integration.lists_followed import Lists

pytestmark = pytest.mark.usefixtures("bucket")

A, B, C, D = (f"https://{name}.example/1.jpg" for name in "abcd")


@pytest.fixture
def lists(api: Api, project: Project, queues: Any, roles: list[str]) -> Lists:
    return Lists(api, project, queues, roles)


@pytest.fixture
def prefix(bucket: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A prefix of another bucket that the deployment allows."""
    boto3.client("s3").create_bucket(Bucket="lists")
    monkeypatch.setenv("LIST_PREFIX", "s3://lists/ours/")
    settings.source_settings.cache_clear()
    yield "s3://lists/ours/"
    settings.source_settings.cache_clear()


def put_lists(**bodies: bytes) -> None:
    for key, body in bodies.items():
        boto3.client("s3").put_object(Bucket="lists", Key=key, Body=body)


def uploaded(lists: Lists, *bodies: bytes) -> list[dict[str, Any]]:
    """What a request says of these lists, which are named by number."""
    said = []
    for number, body in enumerate(bodies, 1):
        path = f"/api/projects/{lists.project.id}/uploads"
        status, upload = lists.api.call("POST", path, {"file_size": max(len(body), 1)})
        assert status == 201
        key = keys.upload(lists.project.user_id, upload["upload_id"])
        objects.put(key, body)
        said.append({"upload_id": upload["upload_id"], "name": f"{number}.list"})
    return said


def rows(session: Session) -> list[tuple[int, str, str | None]]:
    found = session.execute(select(Image.rank, Image.url, Image.keyword).order_by(Image.rank))
    return [(rank, url, keyword) for rank, url, keyword in found]


class TestUploads:
    def test_are_one_list_whatever_shape_each_has(self, lists: Lists, session: Session) -> None:
        said = uploaded(
            lists,
            f"{A}\n".encode(),
            f"url;label\n{B};cat\n{A};dog\n".encode(),
            f'[{{"url": "{C}", "label": "owl"}}]'.encode(),
        )

        shown = lists.crawl(lists.create(lists=said))

        assert rows(session) == [(1, A, None), (2, B, "cat"), (4, C, "owl")]
        [search] = shown["searches"]
        assert (search["n_repeated"], search["n_rows_read"], search["n_unread"]) == (1, 4, 0)
        assert search["bytes_read"] == search["bytes_total"] > 0

    def test_cost_their_neighbours_nothing_where_they_cannot_be_read(
        self, lists: Lists, session: Session
    ) -> None:
        said = uploaded(lists, f"{A}\n".encode(), b"PAR1 nonsense PAR1", b"", f"{B}\n".encode())
        objects.delete(keys.upload(lists.project.user_id, said[2]["upload_id"]))

        shown = lists.crawl(lists.create(lists=said))

        assert rows(session) == [(1, A, None), (2, B, None)]
        [search] = shown["searches"]
        assert (search["status"], search["n_unread"]) == ("completed", 2)
        assert [unread["name"] for unread in search["unread_lists"]] == ["2.list", "3.list"]
        assert "Parquet file is broken" in search["unread_lists"][0]["reason"]
        assert search["unread_lists"][1]["reason"] == "The list has not been uploaded."

    def test_fail_the_job_where_none_can_be_read(self, lists: Lists) -> None:
        shown = lists.crawl(lists.create(lists=uploaded(lists, b"x\n", b"y\n")))

        assert shown["status"] == "failed"
        assert "None of the 2 lists can be read. 1.list: There is no URL" in shown["error_message"]

    def test_are_refused_where_there_is_none(self, lists: Lists) -> None:
        [said] = uploaded(lists, f"{A}\n".encode())

        unknown = lists.create(lists=[said, {"upload_id": str(uuid4())}])
        twice = lists.create(lists=[said, said])
        mixed = lists.create(lists=[said], urls=[A])

        assert [status for status, _ in (unknown, twice, mixed)] == [422] * 3
        assert "There is no upload" in unknown[1]["detail"]
        assert "named twice" in twice[1]["detail"]
        assert mixed[1]["detail"] == "Give one of urls, lists only."

    def test_go_on_over_many_turns(
        self,
        lists: Lists,
        session: Session,
        queues: Any,
        roles: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(worker, "TURN_SECONDS", -1)
        first = "".join(f"https://h{n % 900}.example/{n}.jpg\n" for n in range(7_000))
        said = uploaded(lists, first.encode(), f"{A}\nhttps://h1.example/1.jpg\n".encode())

        shown = lists.crawl(lists.create(lists=said))
        n_turns = 1
        while shown["status"] == "pending" or shown["searches"][0]["status"] != "completed":
            assert n_turns < 10
            n_turns += 1
            roles.append("crawlset_worker")
            planning.defer(keys.deferral(shown["searches"][0]["id"]))
            roles.pop()
            shown = lists.follow(shown["id"])

        assert n_turns > 3
        [search] = shown["searches"]
        assert (search["n_candidates"], search["n_repeated"]) == (7_001, 1)
        assert search["n_rows_read"] == 7_002
        assert [rank for rank, _, _ in rows(session)] == list(range(1, 7_002))


class TestPrefix:
    def test_is_read_in_the_order_of_its_keys(
        self, lists: Lists, session: Session, prefix: str
    ) -> None:
        put_lists(**{
            "ours/b.csv": f"url,label\n{B},cat\n".encode(),
            "ours/a/part-00001": f"{A}\n".encode(),
            "ours/a/_SUCCESS": b"",
            "ours/a/.part-00001.crc": b"x",
            "ours/README.txt": f"{D}\n".encode(),
            "ours/picture.jpg": b"x",
            "ours/00000.tar": b"x",
            "ours/c.tar.gz": b"no archive",
            "others/c.txt": f"{C}\n".encode(),
        })  # fmt: skip

        shown = lists.crawl(lists.create(list_uri=prefix))

        assert rows(session) == [(1, A, None), (2, B, "cat")]
        assert [each["name"] for each in shown["searches"][0]["unread_lists"]] == ["c.tar.gz"]

    @pytest.mark.parametrize(
        ("uri", "detail"),
        [
            ("s3://lists/others/", "does not read lists below s3://lists/others/, but below"),
            ("s3://lists/ours", "with a slash at its end"),
            ("https://lists.example/ours/", "A list_uri is s3://bucket/prefix/"),
            ("s3://lists/", "does not read lists below s3://lists/, but"),
        ],
    )
    @pytest.mark.usefixtures("prefix")
    def test_is_refused_where_it_is_not_allowed(self, lists: Lists, uri: str, detail: str) -> None:
        status, problem = lists.create(list_uri=uri)

        assert (status, problem["errors"][0]["pointer"]) == (422, "/list_uri")
        assert detail in problem["detail"]

    def test_is_refused_where_none_is_allowed(self, lists: Lists) -> None:
        status, problem = lists.create(list_uri="s3://lists/ours/")

        assert status == 422
        assert problem["detail"] == "This deployment does not read lists below s3://lists/ours/."

    def test_fails_the_job_where_it_is_empty(self, lists: Lists, prefix: str) -> None:
        shown = lists.crawl(lists.create(list_uri=prefix))

        assert shown["status"] == "failed"
        assert shown["error_message"] == "There is no list below s3://lists/ours/."

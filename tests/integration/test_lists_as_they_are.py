"""Lists of URLs with odd lines, from the request or the file to the rows."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, FurtherRow, Image, JobStatus, Project
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.wire import keys
from crawlset_client.url_lists import read_url_list
from tests import factories
from tests.integration.api import Api
from tests.integration.exports.steps import TRAIN, export, file_of
from tests.integration.lists_followed import Lists
from tests.lists_as_they_are import GOOD, LISTED, SHAPES, WANTED

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def lists(api: Api, project: Project, queues: Any, roles: list[str]) -> Lists:
    return Lists(api, project, queues, roles)


def rows(session: Session) -> list[tuple[str, str | None]]:
    found = session.execute(select(Image.url, Image.outcome).order_by(Image.rank))
    return [(url, outcome) for url, outcome in found]


class TestOddLines:
    def test_are_rows_of_their_own_in_a_request(self, lists: Lists, session: Session) -> None:
        shown = lists.crawl(lists.create(urls=LISTED))

        assert rows(session) == WANTED
        n_refused = len([row for row in WANTED if row[1]])
        progress = shown["progress"]
        assert (progress["candidates"], progress["refused"]) == (len(WANTED), n_refused)

    @pytest.mark.parametrize("name", SHAPES)
    def test_are_rows_of_their_own_in_an_upload(
        self, lists: Lists, session: Session, name: str
    ) -> None:
        lists.crawl(lists.upload(SHAPES[name](LISTED)))

        assert rows(session) == WANTED

    @pytest.mark.parametrize("name", [name for name in SHAPES if name.endswith(".txt")])
    def test_are_the_same_from_the_command_line(
        self, lists: Lists, session: Session, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / name).write_bytes(SHAPES[name](LISTED))

        found = read_url_list(tmp_path / name)

        body = (tmp_path / name).read_bytes()
        created = (
            lists.upload(body, found.format)
            if found.urls is None
            else lists.create(urls=list(found.urls))
        )
        lists.crawl(created)
        assert rows(session) == WANTED

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("latin-1.txt", b"https://a.example/caf\xe9.jpg\n%b\n"),
            ("latin-1.csv", b"url\nhttps://a.example/caf\xe9.jpg\n%b\n"),
            ("nul.txt", b"https://a\0.example/2.jpg\n%b\n"),
            ("nul.csv", b"url,title\nhttps://a\0.example/2.jpg,x\n%b,y\n"),
            ("half.jsonl", b'"https://a.example/\\ud83d"\n"%b"\n'),
            ("broken.jsonl", b'{"url": "https://a.exam\n{"url": "%b"}\n'),
            ("array.jsonl", b'[1, 2]\n{"url": "%b"}\n'),
            ("quotes.csv", b'url,title\nhttps://a.example/2.jpg,"a "quote" in it"\n%b,y\n'),
        ],
    )
    def test_may_hold_bytes_that_are_no_text(
        self, lists: Lists, session: Session, name: str, body: bytes
    ) -> None:
        format_ = name.rpartition(".")[2]

        lists.crawl(lists.upload(body.replace(b"%b", GOOD.encode()), format_))

        (_, odd), good = rows(session)
        assert (odd, good) == ("invalid_url", (GOOD, None))

    @pytest.mark.parametrize("urls", [["hello"], ["", " "], ["data:,", "ftp://a.example/1.jpg"]])
    def test_make_no_list_by_themselves(self, lists: Lists, urls: list[str]) -> None:
        status, problem = lists.create(urls=urls)
        uploaded, _ = lists.upload(json.dumps("\n".join(urls)).encode(), "jsonl")

        assert (status, problem["errors"][0]["pointer"]) == (422, "/urls")
        assert uploaded == 422

    def test_may_be_longer_than_a_request(self, lists: Lists, session: Session) -> None:
        picture = b"data:image/jpeg;base64," + b"A" * 6_000_000

        lists.crawl(lists.upload(picture + b"\n" + GOOD.encode() + b"\n"))

        assert [(len(url), outcome) for url, outcome in rows(session)] == [
            (8_192, "invalid_url"),
            (len(GOOD), None),
        ]


class TestRepeatedRows:
    BODY = (
        "url,label,caption\n"
        f"{GOOD},cat,first\n"
        "https://b.example/2.jpg,dog,\n"
        f"{GOOD},dog,second\n"
        f" {GOOD},cat,third\n"
    ).encode()
    """COCO has five captions of each picture: https://github.com/rom1504/img2dataset/issues/244."""

    def test_are_kept_as_rows_of_one_image(self, lists: Lists, session: Session) -> None:
        lists.crawl(lists.upload(self.BODY + f"{GOOD},cat,first\n".encode()))

        found = session.execute(
            select(FurtherRow.rank, FurtherRow.keyword, FurtherRow.title).order_by(FurtherRow.rank)
        )
        assert [tuple(row) for row in found] == [(3, "dog", "second"), (4, "cat", "third")]

    def test_are_kept_once_when_a_part_is_planned_twice(
        self, lists: Lists, session: Session
    ) -> None:
        _, job = created = lists.upload(self.BODY)
        lists.crawl(created)

        lists.plan(job["id"])

        assert len(session.scalars(select(FurtherRow)).all()) == 2

    def test_are_only_counted_where_that_is_said(self, lists: Lists, session: Session) -> None:
        shown = lists.crawl(lists.upload(self.BODY, keep_repeated=False))

        assert session.scalars(select(FurtherRow)).all() == []
        assert (shown["progress"]["repeated"], shown["keep_repeated"]) == (2, False)

    def test_may_be_captions_of_one_row(self, lists: Lists, session: Session) -> None:
        row = {"url": GOOD, "captions": ["one", "two", "three"]}

        shown = lists.crawl(lists.upload(json.dumps(row).encode()))

        assert session.scalars(select(Image.title)).all() == ["one"]
        assert session.scalars(select(FurtherRow.title)).all() == ["two", "three"]
        assert (shown["progress"]["candidates"], shown["progress"]["repeated"]) == (1, 2)

    def test_are_counted_and_the_first_is_kept(self, lists: Lists, session: Session) -> None:
        shown = lists.crawl(lists.upload(self.BODY))

        found = session.execute(select(Image.keyword, Image.title, Image.rank).order_by(Image.rank))
        assert [tuple(row) for row in found] == [("cat", "first", 1), ("dog", None, 2)]
        assert (shown["progress"]["candidates"], shown["progress"]["repeated"]) == (2, 2)
        assert [search["n_repeated"] for search in shown["searches"]] == [2]


class TestCaptionsOfCoco:
    CAPTIONS: ClassVar = [f"A restaurant, told for the {number}. time." for number in range(1, 6)]
    FILE = Path(__file__).parents[1] / "unit/sources/lists/coco_captions.json"

    @pytest.fixture
    def job(self, lists: Lists, session: Session) -> CrawlJob:
        """A job of a list of COCO's kind, whose picture has been stored."""
        lists.crawl(lists.upload(self.FILE.read_bytes()))
        image = session.scalars(select(Image)).one()
        body = b"picture" * 200
        assert image.chunk_id is not None
        image.pack_key = keys.pack(image.crawl_job_id, image.chunk_id, 1, "t")
        image.pack_offset, image.pack_length, image.file_size = 0, len(body), len(body)
        image.sha256, image.format = hashlib.sha256(body).digest(), "jpeg"
        image.status, image.outcome = ImageStatus.stored, Outcome.stored
        job = session.scalars(select(CrawlJob)).one()
        job.status = JobStatus.completed
        session.commit()
        objects.put(image.pack_key, body)
        return job

    def test_are_all_in_webdataset(self, job: CrawlJob, session: Session) -> None:
        options = {"format": "webdataset", "export_options": TRAIN}
        export_job = factories.create_export_job(session, job, **options)

        export(export_job)

        body = io.BytesIO(file_of(export_job, "data/train-000000.tar"))
        with tarfile.open(fileobj=body) as tar:
            [name] = [name for name in tar.getnames() if name.endswith(".json")]
            sample = json.load(tar.extractfile(name))  # type: ignore[arg-type]
        assert sample["captions"] == self.CAPTIONS
        assert json.loads(sample["columns"])["annotation_id"] == 787981

    def test_are_all_in_parquet(self, job: CrawlJob, session: Session) -> None:
        options = {"format": "parquet", "export_options": TRAIN}
        export_job = factories.create_export_job(session, job, **options)

        export(export_job)

        body = io.BytesIO(file_of(export_job, "data/train-00000-of-00001.parquet"))
        [row] = pq.read_table(body).to_pylist()
        assert row["captions"] == self.CAPTIONS
        assert [each["rank"] for each in json.loads(row["rows"])] == [2, 3, 4, 5]


class TestLongTexts:
    def test_are_kept(self, lists: Lists, session: Session) -> None:
        caption, label = "word " * 40_000, "a" * 250
        body = f'url,label,caption\n{GOOD},{label},"{caption}"\n'.encode()

        shown = lists.crawl(lists.upload(body))

        image = session.scalars(select(Image)).one()
        assert (image.title, image.keyword) == (caption.strip(), label)
        assert shown["searches"][0]["n_altered"] == 0

    @pytest.mark.parametrize(
        ("body", "kept"),
        [
            (f'url,caption\n{GOOD},"{"w" * 300_000}"\n'.encode(), "w" * 262_144),
            (f"url,caption\n{GOOD},caf".encode() + b"\xe9\n", "caf\ufffd"),
        ],
    )
    def test_are_told_when_they_are_not_kept_whole(
        self, lists: Lists, session: Session, body: bytes, kept: str
    ) -> None:
        shown = lists.crawl(lists.upload(body))

        assert session.scalars(select(Image.title)).one() == kept
        assert shown["searches"][0]["n_altered"] == 1


class TestColumns:
    ROW = (
        "photo;alt;kind;terms;who;similarity;LICENSE URL;odd\n"
        f"{GOOD};a caf\xe9;cat;CC BY 4.0;Ada;0.31;x;NUL\0\n"
    ).encode("latin-1")
    OPTIONS: ClassVar = {
        "url_column": "photo",
        "caption_column": "alt",
        "label_column": "kind",
        "licence_column": "terms",
        "creator_column": "who",
        "encoding": "Latin1",
    }

    def test_say_what_they_are_said_to(self, lists: Lists, session: Session) -> None:
        shown = lists.crawl(lists.upload(self.ROW, **self.OPTIONS))

        image = session.scalars(select(Image)).one()
        assert (image.url, image.title, image.keyword) == (GOOD, "a café", "cat")
        assert (image.licence, image.creator) == ("cc-by-4.0", "Ada")
        assert image.columns == {"similarity": "0.31", "LICENSE URL": "x", "odd": "NUL\ufffd"}
        assert (shown["url_column"], shown["encoding"]) == ("photo", "iso8859-1")

    def test_are_kept_as_is_said(self, lists: Lists, session: Session) -> None:
        lists.crawl(lists.upload(self.ROW, **self.OPTIONS, keep_columns=["similarity"]))

        assert session.scalars(select(Image.columns)).all() == [{"similarity": "0.31"}]

    def test_that_are_too_long_are_cut_and_told(self, lists: Lists, session: Session) -> None:
        row = {"url": GOOD, "long": "w" * 5_000, "n": 1.5, "tags": ["a\ud83d"]}

        shown = lists.crawl(lists.upload(json.dumps(row).encode()))

        [columns] = session.scalars(select(Image.columns))
        assert columns == {"long": "w" * 4_096, "n": 1.5, "tags": ["a\ufffd"]}
        assert shown["searches"][0]["n_altered"] == 1

    def test_may_state_hashes(self, lists: Lists, session: Session, queues: Any) -> None:
        """As Open Images has them."""
        body = f"OriginalURL,OriginalMD5\n{GOOD},0Sad+xMj2ttXM1U8meEJ0A==\n".encode()

        created = lists.upload(body, md5_column="OriginalMD5")
        lists.crawl(created)

        digits = "d1269dfb1323dadb5733553c99e109d0"
        image = session.scalars(select(Image)).one()
        assert image.expected_hash == f"md5:{digits}"
        assert image.columns == {"OriginalMD5": "0Sad+xMj2ttXM1U8meEJ0A=="}
        key = keys.chunk_input(created[1]["id"], image.chunk_id, 1)
        assert list(objects.get_lines(key))[1]["expected"] == image.expected_hash

    @pytest.mark.parametrize(
        ("options", "pointer"),
        [
            ({"encoding": "zip"}, "/encoding"),
            ({"encoding": "no\0such"}, "/encoding"),
            ({"url_column": ""}, "/url_column"),
            ({"caption_column": "no such"}, "/upload_id"),
            ({"keep_columns": ["similarity", "no such"]}, "/upload_id"),
            ({"sha256_column": "similarity"}, "/upload_id"),
        ],
    )
    def test_must_be_there(self, lists: Lists, options: dict[str, Any], pointer: str) -> None:
        status, problem = lists.upload(self.ROW, **(self.OPTIONS | options))

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)

    def test_may_hold_anything(self, lists: Lists, session: Session) -> None:
        """Nested deeper than PostgreSQL, Python and pydantic go, with NUL and broken letters."""
        nested = "[" * 1_900 + "]" * 1_900
        odd = '"a\\u0000\\ud800b": [1e999, {"x\\u0000": "\\ud800"}]'
        body = f'{{"url": "{GOOD}", {odd}, "n": {nested}}}'

        lists.crawl(lists.upload(body.encode()))

        [columns] = session.scalars(select(Image.columns))
        assert columns == {"a\ufffd\ufffdb": [None, {"x\ufffd": "\ufffd"}], "n": nested}

    def test_are_of_an_upload_only(self, lists: Lists) -> None:
        status, problem = lists.create(urls=[GOOD], url_column="photo")

        assert (status, problem["errors"][0]["pointer"]) == (422, "/url_column")

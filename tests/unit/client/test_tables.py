"""Tables fit the room there is: no word is torn, and ids stay usable."""

import io
import re
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from crawlset_client.columns import short_ids
from crawlset_client.output import table
from tests.unit.client.conftest import Shell
from tests.unit.client.fake_api import FakeApi

HEAD = ("id", "name", "status", "images", "created")
IDS = [str(UUID(int=(0x01A2242CC5587275 << 64) | (n * 0x1234567))) for n in (1, 2, 3)]
"""They begin alike, as those of one minute do."""
ROWS = [(id_, "photographs of cats", "completed", 12_345, "2026-11-28 21:05 UTC") for id_ in IDS]


def drawn(width: int, rows: list[tuple[object, ...]], head: tuple[str, ...] = HEAD) -> str:
    written = io.StringIO()
    table(Console(file=written, width=width), head, rows)
    return written.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 81, 100, 120, 200])
def test_tears_no_word_and_passes_no_margin(width: int) -> None:
    text = drawn(width, list(ROWS))

    words = set(re.findall(r"\S+", text))
    assert {"photographs", "completed", "12,345", "2026-11-28", "21:05"} <= words
    if width >= 60:
        assert max(map(len, text.splitlines())) <= width


def test_shows_whole_ids_where_there_is_room() -> None:
    assert all(id_ in drawn(120, list(ROWS)) for id_ in IDS)


def test_shows_the_ends_of_ids_where_there_is_less() -> None:
    text = drawn(80, list(ROWS))

    assert all(re.search(rf"^{id_[-8:]} ", text, re.MULTILINE) for id_ in IDS)
    assert IDS[0] not in text


def test_shows_a_block_for_each_row_where_there_is_little() -> None:
    blocks = drawn(40, list(ROWS)).strip().split("\n\n")

    assert blocks[0].splitlines() == [
        f"id       {IDS[0]}",
        "name     photographs of cats",
        "status   completed",
        "images   12,345",
        "created  2026-11-28 21:05 UTC",
    ]
    assert len(blocks) == len(ROWS)


def test_leaves_a_long_word_whole() -> None:
    url = "https://example.org/" + "x" * 100

    assert url in drawn(80, [("a", url)], ("name", "url"))


def test_short_ids_are_as_long_as_they_must_be() -> None:
    alike = ["01a2242c-0000-7000-8000-00aa11112222", "01a2242c-0000-7000-8000-00bb11112222"]

    assert set(short_ids(alike).values()) == {"a11112222", "b11112222"}


class TestWidth:
    @pytest.fixture(autouse=True)
    def _job(self, api: FakeApi) -> None:
        api.add_job(api.add_project("cats"))

    def test_is_what_columns_says_where_nothing_is_a_terminal(
        self, api: FakeApi, shell: Shell
    ) -> None:
        (id_,) = api.jobs

        wide = shell.run("jobs", "list").stdout
        narrow = shell.run("jobs", "list", COLUMNS="80").stdout

        assert id_ in wide
        assert id_ not in narrow
        assert id_[-8:] in narrow

    def test_changes_no_json(self, api: FakeApi, shell: Shell) -> None:
        (id_,) = api.jobs

        assert shell.json("jobs", "list", COLUMNS="20")["items"][0]["id"] == id_


class TestShortIds:
    @pytest.fixture
    def job_id(self, api: FakeApi) -> str:
        api.add_job(api.add_project("dogs"))
        job: str = api.add_job(api.add_project("cats"))["id"]
        return job

    @pytest.mark.parametrize("part", [slice(-8, None), slice(None, 13)])
    def test_mean_a_job(self, shell: Shell, job_id: str, part: slice) -> None:
        assert shell.json("jobs", "show", job_id[part])["id"] == job_id
        assert shell.json("jobs", "show", job_id[part].upper(), "--project", "cats")["id"] == job_id

    def test_mean_a_project(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        project_id = api.jobs[job_id]["project_id"]

        assert shell.json("projects", "show", project_id[-8:])["id"] == project_id
        shell.run("crawl", "cat", "--source", "sample", "--project", project_id[-8:])
        assert len(api.projects) == 2

    def test_mean_an_export(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        shell.run("export", job_id, "--out", "first")
        (export_id,) = api.exports

        again = shell.run("export", job_id[-8:], "--out", "set", "--export-id", export_id[-8:])
        compared = [f"{job_id[-8:]}/{export_id[-8:]}"] * 2

        assert again.exit_code == 0
        assert len(api.exports) == 1
        assert shell.run("diff", *compared).exit_code == 0

    def test_mean_a_validation(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        shell.run("validate", job_id)
        (validation_id,) = api.validations

        shell.run("export", job_id, "--out", "set", "--validation", validation_id[-8:])

        assert api.sent("POST", "/export-jobs")["validation_job_id"] == validation_id

    def test_list_what_they_may_mean(self, api: FakeApi, shell: Shell) -> None:
        project = api.add_project("cats")
        made = [api.add_job(project) for _ in range(2)]
        ids = [f"{uuid4()}"[:-8] + "0badcafe" for _ in made]
        api.jobs = {id_: job | {"id": id_} for id_, job in zip(ids, made, strict=True)}

        result = shell.run("jobs", "show", "0badcafe")

        assert result.exit_code == 4
        assert "AmbiguousIdError" in result.stderr
        assert all(id_ in result.stderr for id_ in ids)

    def test_that_mean_nothing_say_where_to_look(self, shell: Shell, job_id: str) -> None:
        result = shell.run("jobs", "show", "00000000")

        assert result.exit_code == 4
        assert "crawlset jobs list" in result.stderr

    def test_yield_to_names(self, api: FakeApi, shell: Shell, job_id: str) -> None:
        part = api.jobs[job_id]["project_id"][-8:]
        named = api.add_project(part)

        assert shell.json("projects", "show", part)["id"] == named["id"]

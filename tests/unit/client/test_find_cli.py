"""`crawlset find`."""

from dataclasses import dataclass

import httpx
import pytest

from tests.unit.client.conftest import Shell
from tests.unit.client.fake_answers import new_image
from tests.unit.client.fake_api import FakeApi, Route

NOBODY = "00000000-0000-0000-0000-000000000000"
N_STORED = 3_000


@dataclass
class FakeFinder(FakeApi):
    """The fake service with vectors: each image is a little farther away than the one before."""

    n_compared: int = N_STORED

    def _routes(self) -> list[tuple[str, str, Route]]:
        path = "/api/projects/(?P<p>[^/]+)/crawl-jobs/(?P<j>[^/]+)/nearest-images"
        return [*super()._routes(), ("GET", path, self._find)]

    def _find(self, request: httpx.Request, p: str, j: str) -> httpx.Response:
        shown = self.images[: int(request.url.params["limit"])]
        body = {
            "items": [
                {"similarity": 0.9 - place / 100, "image": image}
                for place, image in enumerate(shown)
            ],
            "measurer": request.url.params.get("measurer", "towers"),
            "version": "1",
            "n_compared": self.n_compared,
            "n_stored": N_STORED,
            "is_complete": self.n_compared == N_STORED,
        }
        return httpx.Response(200, json=body)


@pytest.fixture
def api() -> FakeFinder:
    return FakeFinder()


@pytest.fixture
def job_id(api: FakeFinder) -> str:
    """A job with three images."""
    api.images = [new_image(number) for number in (7, 8, 9)]
    id_: str = api.add_job(api.add_project("a"))["id"]
    return id_


class TestFind:
    def test_shows_the_nearest_images_and_how_many_were_compared(
        self, shell: Shell, job_id: str
    ) -> None:
        result = shell.run("find", job_id, "a red bicycle")

        assert result.exit_code == 0
        first = result.stdout.splitlines()[2].split()
        assert (first[0], first[1], first[-1]) == ("0.900", "7", "http://host.test/7.jpg")
        assert "3,000 of 3,000 stored images compared by towers 1\n" in result.stdout

    def test_asks_with_the_text(self, api: FakeFinder, shell: Shell, job_id: str) -> None:
        document = shell.json("find", job_id, "a red bicycle", "--limit", "2")

        asked = dict(api.requests[-1].url.params)
        assert asked == {"text": "a red bicycle", "limit": "2"}
        assert [one["image"]["id"] for one in document["items"]] == [7, 8]

    def test_asks_with_an_image(self, api: FakeFinder, shell: Shell, job_id: str) -> None:
        shell.run("find", job_id, "--like", "7", "--by", "palette")

        asked = dict(api.requests[-1].url.params)
        assert asked == {"like": "7", "measurer": "palette", "limit": "20"}

    def test_says_if_not_all_were_compared(
        self, api: FakeFinder, shell: Shell, job_id: str
    ) -> None:
        api.n_compared = 1_000

        result = shell.run("find", job_id, "a red bicycle")

        assert "1,000 of 3,000 stored images compared by towers 1; the service had no time" in (
            result.stdout
        )

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("a cat", "--like", "7"),
            ("a cat", "--by", "palette"),
            ("a cat", "--limit", "0"),
            ("a cat", "--limit", "101"),
            ("--like", "0"),
        ],
        ids=str,
    )
    def test_refuses_what_makes_no_sense(
        self, api: FakeFinder, shell: Shell, arguments: tuple[str, ...]
    ) -> None:
        result = shell.run("find", NOBODY, *arguments)

        assert (result.exit_code, api.requests) == (2, [])

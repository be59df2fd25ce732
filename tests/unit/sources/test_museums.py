"""The adapters of museums and NASA, on answers in their real shape."""

from typing import Any

import httpx
import pytest

from crawlset.errors import SourceThrottledError
from crawlset.sources.protocol import Candidate
from tests.unit.sources import source_answers
from tests.unit.sources.fake_source import FakeSource


class TestMet:
    fake = staticmethod(source_answers.met)

    @pytest.mark.parametrize(
        ("n_objects", "sizes", "n_asked"), [(None, [], 1), (10, [20], 11), (11, [20, 2], 12)]
    )
    def test_asks_for_each_object(
        self, n_objects: int | None, sizes: list[int], n_asked: int
    ) -> None:
        fake = self.fake(n_objects)

        assert [len(page) for page in fake.search()] == sizes
        assert len(fake.asked) == n_asked

    def test_tells_what_it_knows_of_an_object(self) -> None:
        [[front, back]] = self.fake(1).search()

        assert front == Candidate(
            url="https://images.example.org/0.jpg",
            landing_url="https://www.metmuseum.org/art/collection/search/0",
            licence="cc0-1.0",
            licence_raw="isPublicDomain: true",
            creator="Kiyohara Yukinobu",
            title="Quail and Millet",
        )
        assert back.url == "https://images.example.org/0-back.jpg"

    def test_goes_on_after_a_missing_object(self) -> None:
        """Loans that have gone back: https://github.com/metmuseum/openaccess/issues/56."""
        whole = self.fake(5)

        def answer(path: str, params: dict[str, str]) -> Any:
            if path.endswith("/3"):
                return httpx.Response(404, json={"message": "ObjectID not found"})
            return whole.answer(path, params)

        [page] = FakeSource("met", answer).search()

        assert len(page) == 8

    def test_waits_for_its_firewall(self) -> None:
        """A page of Imperva's: https://github.com/metmuseum/openaccess/issues/60."""
        page = '<html><head><META NAME="robots" CONTENT="noindex,nofollow"></head></html>'
        shut = httpx.Response(403, html=page)

        with pytest.raises(SourceThrottledError):
            FakeSource("met", lambda *_: shut).search()

    def test_has_no_picture_of_what_is_in_copyright(self) -> None:
        hidden = self.fake(1, isPublicDomain=False, primaryImage="", additionalImages=[])

        assert hidden.search() == []


class TestArtic:
    fake = staticmethod(source_answers.artic)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (101, [100, 1]), (30_000, [100] * 10)])
    def test_takes_the_1_000_there_are(self, total: int, sizes: list[int]) -> None:
        fake = self.fake(total)

        assert [len(page) for page in fake.search()] == sizes
        assert set(fake.params("query[term][is_public_domain]")) == {"true"}
        assert fake.asked[0].headers["aic-user-agent"]

    def test_tells_what_it_knows_of_a_work(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://www.artic.edu/iiif/2/2d484387/full/843,/0/default.jpg",
            landing_url="https://www.artic.edu/artworks/0",
            licence="cc0-1.0",
            licence_raw="is_public_domain: true",
            creator="Vincent van Gogh",
            title="Wheat",
        )

    def test_knows_no_licence_of_what_is_in_copyright(self) -> None:
        [[candidate]] = self.fake(1, is_public_domain=False).search()

        assert candidate.licence is None

    def test_leaves_out_works_without_a_picture(self) -> None:
        assert self.fake(1, image_id=None).search() == []


class TestNasa:
    fake = staticmethod(source_answers.nasa)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (101, [100, 1])])
    def test_asks_once_for_every_page(self, total: int, sizes: list[int]) -> None:
        fake = self.fake(total)

        assert [len(page) for page in fake.search()] == sizes
        assert len(fake.asked) == max(1, len(sizes))

    def test_takes_the_best_file_that_can_be_stored(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://images-assets.nasa.gov/image/n0/n0~large.jpg",
            landing_url="https://images.nasa.gov/details/n0",
            creator="Ada",
            title="Moon",
            width=4000,
            height=2000,
        )

    def test_leaves_out_what_has_no_such_file(self) -> None:
        assert self.fake(1, "~orig.tif", "~captions.srt").search() == []

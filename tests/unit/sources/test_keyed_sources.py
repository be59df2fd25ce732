"""The adapters of sources that are asked with a key, on answers in their real shape."""

import pytest

from crawlset.errors import SourceRefusedError
from crawlset.sources.protocol import Candidate, SourceUnavailableError
from tests.unit.sources import source_answers
from tests.unit.sources.fake_source import FakeSource


class TestEuropeana:
    fake = staticmethod(source_answers.europeana)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (100, [100]), (201, [100, 100, 1])])
    def test_follows_the_cursor(self, total: int, sizes: list[int]) -> None:
        assert [len(page) for page in self.fake(total).search()] == sizes

    def test_shows_its_key_in_a_header(self) -> None:
        fake = self.fake(0)
        fake.search()

        assert fake.asked[0].headers["x-api-key"] == "e-key"
        assert fake.params("reusability") == ["open"]

    def test_tells_what_it_knows_of_an_item(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="http://images.example.org/0.jpg",
            landing_url="http://www.example.org/0",
            licence="pdm-1.0",
            licence_raw="http://creativecommons.org/publicdomain/mark/1.0/",
            creator="Anon.",
            title="A view",
        )

    def test_names_a_person_where_the_creator_is_an_address(self) -> None:
        """As recorded: entities in `dcCreator`, their names in `edmAgentLabel`."""
        [[candidate]] = self.fake(
            1,
            dcCreator=["http://hispana.example.org/oai:1#ent2"],
            edmAgentLabel=[{"def": "Benoist, Philippe, 1813-ca. 1905"}],
        ).search()

        assert candidate.creator == "Benoist, Philippe, 1813-ca. 1905"

    def test_leaves_out_what_is_shown_nowhere(self) -> None:
        assert self.fake(1, edmIsShownBy=[]).search() == []

    def test_is_refused_in_an_answer_of_200(self) -> None:
        failed = {"success": False, "error": "Invalid API key"}

        with pytest.raises(SourceRefusedError, match="Invalid API key"):
            FakeSource("europeana", lambda *_: failed).search()


class TestSmithsonian:
    fake = staticmethod(source_answers.smithsonian)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (501, [500, 1])])
    def test_asks_for_every_page(self, total: int, sizes: list[int]) -> None:
        assert [len(page) for page in self.fake(total).search()] == sizes

    def test_tells_what_it_knows_of_a_picture(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://ids.example.org/0",
            landing_url="https://collections.example.org/0",
            licence="cc0-1.0",
            licence_raw="CC0",
            creator="Seymour Example",
            title="A cat",
        )

    def test_takes_the_largest_jpeg_with_its_size(self) -> None:
        jpeg = {
            "label": "High-resolution JPEG",
            "url": "https://ids.example.org/download/0.jpg",
            "width": 3000,
            "height": 2000,
            "dimensions": "3000x2000",
        }
        tiff = {"label": "High-resolution TIFF", "url": "https://ids.example.org/download/0.tif"}
        [[candidate]] = self.fake(1, resources=[tiff, jpeg]).search()

        assert (candidate.url, candidate.width) == ("https://ids.example.org/download/0.jpg", 3000)

    def test_takes_no_other_usage_for_cc0(self) -> None:
        [[candidate]] = self.fake(1, access="Usage Conditions Apply").search()

        assert candidate.licence is None


class TestFlickr:
    fake = staticmethod(source_answers.flickr)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (501, [500, 1]), (90_000, [500] * 8)])
    def test_takes_the_4_000_there_are(self, total: int, sizes: list[int]) -> None:
        assert [len(page) for page in self.fake(total).search()] == sizes

    def test_tells_what_it_knows_of_a_photo(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://live.example.org/0_b.jpg",
            landing_url="https://www.flickr.com/photos/71925535@N03/0",
            licence="cc-by-4.0",
            licence_raw="cc by 4.0",
            creator="Marine Explorer",
            title="Reef",
            width=1024,
            height=683,
        )

    @pytest.mark.parametrize(
        ("number", "licence"),
        [
            *(("0", "all-rights-reserved"), ("1", "cc-by-nc-sa-2.0"), ("4", "cc-by-2.0")),
            *(("7", "no-known-copyright"), ("8", "us-gov"), ("9", "cc0-1.0"), ("10", "pdm-1.0")),
            *(("16", "cc-by-nc-nd-4.0"), ("99", None)),
        ],
    )
    def test_knows_its_licences_by_number(self, number: str, licence: str | None) -> None:
        [[candidate]] = self.fake(1, license=number).search()

        assert candidate.licence == licence

    def test_asks_for_what_matches_best(self) -> None:
        """Without `sort` the newest come first."""
        fake = self.fake(1)
        fake.search()

        assert fake.params("sort") == ["relevance"]

    def test_prefers_the_original(self) -> None:
        original = {"url_o": "https://live.example.org/0_o.jpg", "width_o": 6000, "height_o": 4000}
        [[candidate]] = self.fake(1, **original).search()

        assert (candidate.url, candidate.width) == ("https://live.example.org/0_o.jpg", 6000)

    @pytest.mark.parametrize(
        ("code", "error"),
        [(100, SourceRefusedError), (10, SourceUnavailableError), (105, SourceUnavailableError)],
    )
    def test_fails_in_an_answer_of_200(self, code: int, error: type[Exception]) -> None:
        failed = {"stat": "fail", "code": code, "message": "No"}

        with pytest.raises(error):
            FakeSource("flickr", lambda *_: failed).search()


class TestBrave:
    fake = staticmethod(source_answers.brave)

    def test_asks_once(self) -> None:
        fake = self.fake(200)

        assert [len(page) for page in fake.search()] == [200]
        assert len(fake.asked) == 1
        assert fake.asked[0].headers["x-subscription-token"] == "b-key"

    def test_asks_for_no_more_than_is_wanted(self) -> None:
        fake = self.fake(5)
        fake.search(limit=5)

        assert fake.params("count") == ["5"]

    def test_knows_no_licence(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://example.com/0.jpg",
            landing_url="https://example.com/0",
            title="A mountain",
            width=1920,
            height=1080,
        )

    def test_keeps_within_fifty_words(self) -> None:
        fake = self.fake(0)
        fake.search("word " * 100)

        (query,) = fake.params("q")
        assert len(query.split()) == 50

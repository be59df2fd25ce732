"""The Rijksmuseum's adapter, on records in their real shape."""

from typing import Any

import httpx
import pytest

from crawlset.sources.protocol import Candidate
from tests.unit.sources import museum_answers
from tests.unit.sources.fake_source import FakeSource
from tests.unit.sources.museum_answers import DUTCH, name, person, stated


def by(statement: str) -> dict[str, Any]:
    """A production whose maker is told by a text."""
    return {"part": [{"referred_to_by": [stated(statement)]}]}


class TestRijksmuseum:
    fake = staticmethod(museum_answers.rijksmuseum)

    @pytest.mark.parametrize(
        ("total", "sizes", "n_asked"),
        [(0, [], 1), (10, [10], 31), (11, [10, 1], 34), (101, [10] * 10 + [1], 305)],
    )
    def test_asks_thrice_for_each_object(self, total: int, sizes: list[int], n_asked: int) -> None:
        fake = self.fake(total)

        assert [len(page) for page in fake.search()] == sizes
        assert len(fake.asked) == n_asked

    @pytest.mark.parametrize(
        ("keyword", "field", "words"),
        [
            ("night watch", "title", "night watch"),
            ("Judith: a study", "title", "Judith: a study"),
            ("creator:Rembrandt van Rijn", "creator", "Rembrandt van Rijn"),
            ("type: painting", "type", "painting"),
        ],
    )
    def test_searches_one_field(self, keyword: str, field: str, words: str) -> None:
        fake = self.fake(0)
        fake.search(keyword)

        assert dict(fake.asked[0].url.params) == {field: words, "imageAvailable": "true"}

    def test_tells_what_it_knows_of_an_object(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://iiif.example.org/0/full/max/0/default.jpg",
            landing_url="https://id.rijksmuseum.nl/20010",
            licence="pdm-1.0",
            licence_raw="https://creativecommons.org/publicdomain/mark/1.0/",
            creator="Johannes Vermeer",
            title="The Milkmaid",
        )

    @pytest.mark.parametrize(
        ("names", "title"),
        [
            ([name("Compositie", DUTCH)], "Compositie"),
            ([name("Old title", kind="300417200"), name("Titel", DUTCH)], "Titel"),
            ([name("Gracht", DUTCH, "1"), name("Canal", kind="1")], "Canal"),
            ([{"type": "Name", "content": ["Winter", "Snow"]}], "Winter"),
            ({"type": "Name", "content": "One, and no list"}, "One, and no list"),
            ([{"type": "Identifier", "content": "SK-C-5"}], None),
        ],
    )
    def test_prefers_the_title_that_the_museum_does(self, names: Any, title: str | None) -> None:
        [[candidate]] = self.fake(1, identified_by=names).search()

        assert candidate.title == title

    @pytest.mark.parametrize(
        ("produced", "creator"),
        [
            ({"part": [{"carried_out_by": [person("anonymous", "anoniem")]}]}, None),
            ({"part": [{"carried_out_by": person("Titian", "Titiaan")}]}, "Titian"),
            (by("Karel Appel (signed by artist)"), "Karel Appel"),
            (by("Pieter Bruegel (I)"), "Pieter Bruegel (I)"),
            (by("Pieter Bruegel (I) (mentioned on object)"), "Pieter Bruegel (I)"),
            (by("attributed to Rembrandt van Rijn"), "attributed to Rembrandt van Rijn"),
            ({"referred_to_by": [stated("Jan Toorop", DUTCH, "300435416")]}, "Jan Toorop"),
            ({}, None),
            (None, None),
        ],
    )
    def test_names_the_first_maker(self, produced: Any, creator: str | None) -> None:
        """As three shapes of records have them: https://github.com/brookstalley/arrt."""
        [[candidate]] = self.fake(1, produced_by=produced).search()

        assert candidate.creator == creator

    def test_leaves_out_what_nobody_may_download(self) -> None:
        """The museum serves such pictures all the same."""
        fake = self.fake(1, statements=("niet downloadbaar", "zichtbaar"))

        assert fake.search() == []

    def test_says_what_is_in_copyright(self) -> None:
        [[candidate]] = self.fake(1, rights="https://rightsstatements.org/vocab/InC/1.0/").search()

        assert candidate.licence == "all-rights-reserved"

    def test_goes_on_after_a_record_that_is_not_there(self) -> None:
        """Which the museum says with 400 or 404."""
        whole = self.fake(5)
        missing = {
            "/20011": httpx.Response(400, json={}),
            "/20212": httpx.Response(404, json={}),
            "/50013": httpx.Response(404, html="<html>Not found</html>"),
        }
        fake = FakeSource(
            "rijksmuseum", lambda path, params: missing.get(path) or whole.answer(path, params)
        )

        [page] = fake.search()

        assert [candidate.landing_url[-1:] for candidate in page if candidate.landing_url] == [
            "0",
            "4",
        ]

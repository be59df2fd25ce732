"""The adapters of sources that need no key, on answers in their real shape."""

from typing import Any

import httpx
import pytest

from crawlset.errors import SourceRefusedError, SourceThrottledError
from crawlset.settings import SourceSettings
from crawlset.sources.protocol import Candidate
from tests.unit.sources import source_answers
from tests.unit.sources.fake_source import FakeSource


class TestOpenverse:
    fake = staticmethod(source_answers.openverse)

    @pytest.mark.parametrize(
        ("total", "sizes"), [(0, []), (20, [20]), (21, [20, 1]), (10_000, [20] * 12)]
    )
    def test_takes_the_240_there_are(self, total: int, sizes: list[int]) -> None:
        fake = self.fake(total)

        assert [len(page) for page in fake.search()] == sizes
        assert fake.params("page") == [str(n + 1) for n in range(max(1, len(sizes)))]
        assert set(fake.params("page_size")) == {"20"}

    def test_asks_twenty_times_a_minute(self, slept: list[float]) -> None:
        """20/min in `x-ratelimit-limit-anon_burst`: WordPress/openverse issue 5613."""
        self.fake(41).search()

        assert len(slept) == 3
        assert all(2.9 < seconds <= 3.0 for seconds in slept)

    def test_tells_what_it_knows_of_a_work(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://cdn.example.org/0.jpg",
            landing_url="https://photos.example.org/works/0",
            licence="cc-by-sa-2.0",
            licence_raw="https://creativecommons.org/licenses/by-sa/2.0/",
            creator="Tim Example",
            attribution='"Bark" by Tim Example is licensed under CC BY-SA 2.0.',
            title="Bark 0",
            width=600,
            height=400,
        )

    def test_asks_more_as_an_application(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Credentials for a token: https://api.openverse.org/v1/#tag/auth."""
        whole = self.fake(100)

        def answer(path: str, params: dict[str, str]) -> Any:
            if path == "/v1/auth_tokens/token/":
                # Scopes are in one text, the time in seconds.
                return {
                    "access_token": "t0ken",
                    "expires_in": 43_200,
                    "token_type": "Bearer",
                    "scope": "read write",
                }
            return whole.answer(path, params)

        monkeypatch.setattr(
            "tests.unit.sources.fake_source.SETTINGS",
            SourceSettings(openverse_client_id="ada", openverse_client_secret="s3cret"),
        )
        fake = FakeSource("openverse", answer)

        assert [len(page) for page in fake.search()] == [48, 48, 4]
        asked, *pages = fake.asked
        assert b"client_secret=s3cret" in asked.content
        assert {page.headers["authorization"] for page in pages} == {"Bearer t0ken"}

    def test_knows_a_licence_by_code_and_version(self) -> None:
        [[candidate]] = self.fake(1, license_url=None).search()

        assert (candidate.licence, candidate.licence_raw) == ("cc-by-sa-2.0", "by-sa")


class TestWikimedia:
    fake = staticmethod(source_answers.wikimedia)

    @pytest.mark.parametrize(
        ("total", "sizes"),
        [(0, []), (50, [50]), (51, [50, 1]), (20_000, [50] * 200)],
    )
    def test_follows_to_a_depth_of_10_000(self, total: int, sizes: list[int]) -> None:
        assert [len(page) for page in self.fake(total).search()] == sizes

    def test_keeps_the_order_of_the_result(self) -> None:
        [page] = self.fake(3).search()

        assert [candidate.title for candidate in page] == [f"Street cat {n}" for n in range(3)]

    def test_searches_bitmaps(self) -> None:
        fake = self.fake(0)
        fake.search("street cat")

        assert fake.params("gsrsearch") == ["filetype:bitmap street cat"]
        assert fake.params("gsrnamespace") == ["6"]

    @pytest.mark.parametrize(
        "keyword", ["category:Cats of Berlin", "category: Category:Cats of Berlin "]
    )
    def test_takes_the_files_of_a_category_however_many(self, keyword: str) -> None:
        """https://www.mediawiki.org/wiki/API:Categorymembers knows no depth, as the search does."""
        fake = self.fake(10_051)

        pages = fake.search(keyword)

        assert [len(page) for page in pages] == [50] * 201 + [1]
        assert set(fake.params("gcmtitle")) == {"Category:Cats of Berlin"}
        assert set(fake.params("gcmtype")) == {"file"}
        assert "gsrsearch" not in fake.asked[0].url.params

    def test_takes_bitmaps_only_of_a_category(self) -> None:
        whole = self.fake(3)

        def answer(path: str, params: dict[str, str]) -> Any:
            found = whole.answer(path, params)
            svg, sound, _ = found["query"]["pages"].values()
            svg["imageinfo"][0]["mime"] = "image/svg+xml"
            sound["imageinfo"][0]["mime"] = "application/ogg"
            return found

        [[candidate]] = FakeSource("wikimedia", answer).search("category:Cats")

        assert candidate.title == "Street cat 2"

    @pytest.mark.parametrize(
        ("keyword", "asked"),
        [
            ("depicts:Q146", "haswbstatement:P180=Q146"),
            ("depicts: Q146 sleeping", "haswbstatement:P180=Q146 sleeping"),
            ('incategory:"Cats of Berlin"', 'incategory:"Cats of Berlin"'),
            ("category of cats", "category of cats"),
        ],
    )
    def test_searches_what_files_depict(self, keyword: str, asked: str) -> None:
        """https://www.mediawiki.org/wiki/Help:WikibaseCirrusSearch says how, without SPARQL."""
        fake = self.fake(1)
        fake.search(keyword)

        assert fake.params("gsrsearch") == [f"filetype:bitmap {asked}"]

    @pytest.mark.parametrize("keyword", ["depicts:cat", "depicts:", "depicts:Q0", "depicts:Q1x"])
    def test_needs_the_number_of_what_is_depicted(self, keyword: str) -> None:
        fake = self.fake(1)

        with pytest.raises(SourceRefusedError, match="depicts:Q146"):
            fake.search(keyword)

        assert fake.asked == []

    def test_tells_what_it_knows_of_a_file(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://upload.example.org/0.jpg",
            landing_url="https://commons.example.org/wiki/File:0.jpg",
            licence="cc-by-sa-4.0",
            licence_raw="https://creativecommons.org/licenses/by-sa/4.0/",
            creator="Ada & Co",
            title="Street cat 0",
            width=5514,
            height=3102,
        )

    @pytest.mark.parametrize(
        ("metadata", "licence"),
        [
            ({"LicenseUrl": None}, "cc-by-sa-4.0"),
            ({"LicenseUrl": None, "License": {"value": "pd"}}, "public-domain"),
            ({"LicenseUrl": None, "License": None, "LicenseShortName": None}, None),
        ],
    )
    def test_knows_a_licence_however_it_is_stated(
        self, metadata: dict[str, Any], licence: str | None
    ) -> None:
        [[candidate]] = self.fake(1, **metadata).search()

        assert candidate.licence == licence

    def test_goes_on_with_whatever_it_is_told(self) -> None:
        """An answer too large is continued by `iistart`: https://www.mediawiki.org/wiki/API:Continue."""
        whole = self.fake(2)
        more = {"iistart": "2020-01-01T00:00:00Z", "continue": "||"}

        def answer(path: str, params: dict[str, str]) -> Any:
            found = whole.answer(path, params | {"gsroffset": "0"})
            first, second = found["query"]["pages"].values()
            (second if "iistart" in params else first).pop("imageinfo")
            return found if "iistart" in params else found | {"continue": more}

        fake = FakeSource("wikimedia", answer)

        assert sorted(c.title or "" for page in fake.search() for c in page) == [
            "Street cat 0",
            "Street cat 1",
        ]
        assert len(fake.asked) == 2

    def test_skips_a_file_that_is_hidden(self) -> None:
        """Its image information is only `filehidden`: ApiQueryImageInfo.php of MediaWiki."""
        whole = self.fake(2)

        def answer(path: str, params: dict[str, str]) -> Any:
            found = whole.answer(path, params)
            next(iter(found["query"]["pages"].values()))["imageinfo"] = [{"filehidden": ""}]
            return found

        [page] = FakeSource("wikimedia", answer).search()

        assert len(page) == 1

    def test_takes_an_empty_map_that_php_writes_as_a_list(self) -> None:
        whole = self.fake(1)

        def answer(path: str, params: dict[str, str]) -> Any:
            found = whole.answer(path, params)
            for file in found["query"]["pages"].values():
                file["imageinfo"][0]["extmetadata"] = []
            return found

        [[candidate]] = FakeSource("wikimedia", answer).search()

        assert (candidate.licence, candidate.creator) == (None, None)

    def test_comes_again_when_the_servers_lag(self) -> None:
        """An error is an answer of 200."""
        error = {"error": {"code": "maxlag", "info": "Waiting for 10.0.0.1: 6 seconds lagged."}}

        with pytest.raises(SourceThrottledError):
            FakeSource("wikimedia", lambda *_: error).search()

    def test_is_refused_in_an_answer_of_200(self) -> None:
        error = {"error": {"code": "badvalue", "info": "Unrecognized value."}}

        with pytest.raises(SourceRefusedError, match="badvalue"):
            FakeSource("wikimedia", lambda *_: error).search()


class TestGbif:
    fake = staticmethod(source_answers.gbif)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (300, [300]), (301, [300, 1])])
    def test_asks_for_300_observations_a_page(self, total: int, sizes: list[int]) -> None:
        fake = self.fake(total)

        assert [len(page) for page in fake.search()] == sizes
        assert {request.url.params["limit"] for request in fake.asked[1:]} == {"300"}

    def test_asks_by_taxon_where_the_keyword_is_its_name(self) -> None:
        fake = self.fake(1, match="EXACT")
        fake.search("Felis catus")

        assert fake.asked[0].url.params["name"] == "Felis catus"
        assert fake.asked[1].url.params["taxonKey"] == "2435099"
        assert "q" not in fake.asked[1].url.params

    @pytest.mark.parametrize("match", ["NONE", "FUZZY", "HIGHERRANK"])
    def test_asks_by_text_where_it_is_not(self, match: str) -> None:
        fake = self.fake(1, match=match)
        fake.search("cat")

        assert fake.asked[1].url.params["q"] == "cat"

    def test_asks_for_nothing_beyond_100_000(self) -> None:
        """Offset and limit together: man-roxygen/oslimstart.r of ropensci/rgbif."""
        fake = self.fake(200_000)
        fake.search(limit=1_000_000)

        last = fake.asked[-1].url.params
        assert int(last["offset"]) + int(last["limit"]) == 100_000

    def test_takes_the_licence_of_the_picture(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://media.example.org/0.jpg",
            landing_url="https://www.gbif.org/occurrence/0",
            licence="cc-by-4.0",
            licence_raw="http://creativecommons.org/licenses/by/4.0/",
            creator="Ada Finder",
            title="Amanita muscaria (L.) Hook.",
        )

    def test_leaves_out_what_is_no_still_image(self) -> None:
        sound = {"type": "Sound", "identifier": "https://media.example.org/1.mp3"}
        nowhere = {"type": "StillImage", "references": "https://example.org/1"}

        assert self.fake(1, sound, nowhere).search() == []


class TestINaturalist:
    fake = staticmethod(source_answers.inaturalist)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (201, [200, 1]), (12_000, [200] * 60)])
    def test_goes_on_by_the_last_id(self, total: int, sizes: list[int]) -> None:
        """By number it would end at 10,000."""
        assert [len(page) for page in self.fake(total).search()] == sizes

    def test_asks_for_wanted_licences_only(self) -> None:
        fake = self.fake(1)
        fake.search(licences=("cc-by", "cc0"))

        assert fake.params("photo_license") == ["cc-by,cc0"]

    def test_leaves_out_what_moderators_have_hidden(self) -> None:
        """Its address is that of a grey square: observation_preload.js of iNaturalistAPI."""
        url = "https://www.inaturalist.org/assets/media-hidden-square.png"

        assert self.fake(1, url=url, hidden=True).search() == []

    def test_takes_the_original_and_the_licence_of_the_photo(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://static.example.org/photos/1/original.jpeg?1536150664",
            landing_url="https://www.inaturalist.org/observations/1",
            licence="cc-by-4.0",
            licence_raw="cc-by",
            creator="Ada",
            attribution="(c) Ada, some rights reserved (CC BY)",
            title="Lixus bardanae",
            width=1445,
            height=1057,
        )

    def test_reserves_all_rights_where_no_licence_is_given(self) -> None:
        [[candidate]] = self.fake(1, license_code=None).search()

        assert candidate.licence == "all-rights-reserved"


def test_html_where_a_name_should_be() -> None:
    broken = httpx.Response(200, content=b"<p>Maintenance", headers={"content-type": "text/html"})

    with pytest.raises(Exception, match="text/html that is not JSON"):
        FakeSource("openverse", lambda *_: broken).search()

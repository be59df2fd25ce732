"""The adapters of museums and NASA, on answers in their real shape."""

from typing import Any

import httpx
import pytest

from crawlset.errors import SourceRefusedError, SourceThrottledError
from crawlset.sources import library_of_congress
from crawlset.sources.protocol import Candidate
from tests.unit.sources import museum_answers, source_answers
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


class TestCleveland:
    fake = staticmethod(museum_answers.cleveland)

    @pytest.mark.parametrize(("total", "sizes"), [(0, []), (100, [100]), (101, [100, 1])])
    def test_asks_for_100_works_a_page(self, total: int, sizes: list[int]) -> None:
        fake = self.fake(total)

        assert [len(page) for page in fake.search()] == sizes
        assert len(fake.asked) == max(1, len(sizes))
        assert set(fake.params("cc0")) == set(fake.params("has_image")) == {"1"}

    def test_tells_what_it_knows_of_a_work(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://images.example.org/1335.0_print.jpg",
            landing_url="https://clevelandart.org/art/1335.0",
            licence="cc0-1.0",
            licence_raw="CC0",
            creator="Thomas Cole",
            title="View of Schroon Mountain",
            width=3400,
            height=2132,
        )

    def test_takes_the_picture_for_the_web_where_none_is_for_print(self) -> None:
        web = {"url": "https://images.example.org/a_web.jpg", "width": 893, "height": None}
        [[candidate]] = self.fake(1, images={"web": web, "print": None}).search()

        assert (candidate.url, candidate.width) == (web["url"], 893)

    def test_has_every_view_of_a_work(self) -> None:
        other = {"web": {"url": "https://images.example.org/b_web.jpg"}}
        [page] = self.fake(1, alternate_images=[other, {"full": {"url": "x.tif"}}]).search()

        assert [candidate.url[-9:] for candidate in page] == ["print.jpg", "b_web.jpg"]

    @pytest.mark.parametrize("images", [None, [], {}, {"full": {"url": "https://a.test/a.tif"}}])
    def test_leaves_out_what_is_a_tiff_only(self, images: Any) -> None:
        assert self.fake(1, images=images).search() == []

    @pytest.mark.parametrize(
        ("description", "creator"),
        [
            ("Rookwood Pottery (American, (active 1880-1967))", "Rookwood Pottery"),
            ("Unknown", "Unknown"),
            ("(French)", "(French)"),
            (None, None),
        ],
    )
    def test_names_who_made_it(self, description: str | None, creator: str | None) -> None:
        makers = [{"description": description}] if description else None
        [[candidate]] = self.fake(1, creators=makers).search()

        assert candidate.creator == creator

    @pytest.mark.parametrize(
        ("status", "licence"), [("Copyrighted", "all-rights-reserved"), (None, None)]
    )
    def test_does_not_take_a_work_for_cc0_that_is_not(
        self, status: str | None, licence: str | None
    ) -> None:
        [[candidate]] = self.fake(1, share_license_status=status).search()

        assert candidate.licence == licence


class TestLibraryOfCongress:
    fake = staticmethod(museum_answers.library_of_congress)

    @pytest.mark.parametrize(("total", "n_asked"), [(0, 1), (100, 1), (101, 2), (250_000, 3)])
    def test_takes_100_a_page_to_its_depth(
        self, total: int, n_asked: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """100,000: https://www.loc.gov/apis/json-and-yaml/working-within-limits/."""
        monkeypatch.setattr(library_of_congress, "MAX_DEPTH", 300)
        fake = self.fake(total)

        assert sum(len(page) for page in fake.search()) == min(total, 300)
        assert fake.params("sp") == [str(n + 1) for n in range(n_asked)]
        assert fake.asked[0].url.path == "/photos/"
        assert fake.asked[0].url.params["at"] == "results,pagination"

    def test_asks_at_most_twenty_times_a_minute(self, slept: list[float]) -> None:
        self.fake(300).search()

        assert len(slept) == 3
        assert all(seconds > 3 for seconds in slept)

    def test_tells_what_it_knows_of_a_thing(self) -> None:
        [[candidate]] = self.fake(1).search()

        assert candidate == Candidate(
            url="https://tile.example.org/storage-services/service/pnp/fsa/8b29000/8b290v.jpg",
            landing_url="https://www.loc.gov/item/20170/",
            licence="no-known-copyright",
            licence_raw="No known restrictions on publication.",
            creator="Lange, Dorothea, photographer",
            title="Destitute pea pickers in California.",
            width=808,
            height=1024,
        )

    @pytest.mark.parametrize(
        ("addresses", "found"),
        [
            (["//a.test/s.jpg", "//a.test/l.jpg"], ("https://a.test/l.jpg", None, None)),
            (["https://a.test/l.png#h=9&w=8", "//a.test/s.jpg"], ("https://a.test/l.png", 8, 9)),
            (["https://a.test/A.JPG#w=8"], ("https://a.test/A.JPG", None, None)),
            ("//a.test/only.jpg#h=9&w=8", ("https://a.test/only.jpg", 8, 9)),
        ],
    )
    def test_takes_the_largest_picture(
        self, addresses: Any, found: tuple[str, int | None, int | None]
    ) -> None:
        """Of addresses, many without a scheme, that end in the size of what is there."""
        [[candidate]] = self.fake(1, image_url=addresses).search()

        assert (candidate.url, candidate.width, candidate.height) == found

    @pytest.mark.parametrize(
        "fields",
        [
            {"image_url": ["https://www.loc.gov/static/images/original-format/photo-print.svg"]},
            {"image_url": ["https://tile.loc.gov/storage-services/master/pnp/a.tif"]},
            {"image_url": None},
            {"access_restricted": True},
            {"original_format": ["photo, print, drawing", "collection"]},
        ],
    )
    def test_leaves_out_what_is_no_picture_of_its_own(self, fields: dict[str, Any]) -> None:
        assert self.fake(1, **fields).search() == []

    @pytest.mark.parametrize(
        ("item", "licence"),
        [
            ({"rights_advisory": "Public domain."}, "public-domain"),
            ({"rights_advisory": "<p>No known restrictions.</p>"}, "no-known-copyright"),
            ({"rights_advisory": ["Publication may be restricted."]}, None),
            ({"rights_information": "Rights status not evaluated."}, None),
            ({}, None),
            (None, None),
        ],
    )
    def test_knows_a_licence_only_where_the_advisory_is_plain(
        self, item: Any, licence: str | None
    ) -> None:
        [[candidate]] = self.fake(1, item=item).search()

        assert candidate.licence == licence

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(429),
            httpx.Response(200, html="<html>Are you a robot?</html>"),
            httpx.Response(403, html="<html>You have been blocked.</html>"),
        ],
    )
    def test_waits_for_an_hour_when_it_is_blocked(self, answer: httpx.Response) -> None:
        with pytest.raises(SourceThrottledError) as caught:
            FakeSource("library_of_congress", lambda *_: answer).search()

        assert caught.value.retry_after_seconds == 3_600

    def test_does_not_wait_for_a_challenge_that_stays(self) -> None:
        """Shown at once: https://github.com/LibraryOfCongress/data-exploration/issues/88."""
        page = "<html><title>Just a moment...</title></html>"
        shown = httpx.Response(403, html=page, headers={"cf-mitigated": "challenge"})

        with pytest.raises(SourceRefusedError, match="only browsers pass"):
            FakeSource("library_of_congress", lambda *_: shown).search()

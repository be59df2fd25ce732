from typing import Any
from uuid import UUID

import pytest

from crawlset.models import Takedown, TakedownKind
from crawlset.takedowns.blocklist import Blocklist, Sighting
from tests.spellings import SPELLINGS

WHOLE, MIRRORED, INNER, INNERMOST = -1, 0x5555_5555_5555_5555, 0x0F0F_0F0F_0F0F_0F0F, 0x00FF_00FF


def blocklist(kind: TakedownKind, value: str, **fields: Any) -> Blocklist:
    return Blocklist([Takedown(id=UUID(int=1), kind=kind, value=value, **fields)])


def is_meant(blocklist: Blocklist, url: str = "https://a.test/x.jpg", **seen: Any) -> bool:
    return blocklist.find(Sighting(url, **seen)) is not None


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://a.test/x.jpg?s=1",
            "HTTPS://A.TEST/x.jpg?s=1",
            "https://a.test:443/x.jpg?s=1",
            "https://a.test/x.jpg?s=1#top",
        ],
    )
    def test_means_the_same_address_however_it_is_written(self, url: str) -> None:
        assert is_meant(blocklist(TakedownKind.url, "https://a.test/x.jpg?s=1"), url)

    @pytest.mark.parametrize("host", SPELLINGS)
    def test_means_its_host_in_every_spelling(self, host: str) -> None:
        urls = [f"https://{spelling}/x.jpg" for spelling in SPELLINGS[host]]

        for kept in urls:
            wanted = blocklist(TakedownKind.url, kept)
            assert all(is_meant(wanted, url) for url in urls)

    @pytest.mark.parametrize(
        "url", ["https://a.test/X.jpg", "http://a.test/x.jpg", "https://a.test/x.jpg?s=2"]
    )
    def test_means_no_other(self, url: str) -> None:
        assert not is_meant(blocklist(TakedownKind.url, "https://a.test/x.jpg"), url)

    @pytest.mark.parametrize("place", ["final_url", "landing_url"])
    def test_means_where_it_came_from_and_the_page_it_is_on(self, place: str) -> None:
        wanted = blocklist(TakedownKind.url, "https://b.test/page")

        assert is_meant(wanted, **{place: "https://b.test/page"})

    def test_survives_what_is_no_address(self) -> None:
        assert not is_meant(blocklist(TakedownKind.url, "https://a.test/"), "http://[::1")


class TestHost:
    @pytest.mark.parametrize("host", ["a.test", "img.a.test", "A.test.", "x.y.a.test:8080"])
    def test_means_what_lies_on_it_and_below(self, host: str) -> None:
        assert is_meant(blocklist(TakedownKind.host, "a.test"), f"https://{host}/x.jpg")

    @pytest.mark.parametrize(
        "kept", ["xn--mnchen-3ya.de", "münchen.de", "MÜNCHEN.de.", "XN--MNCHEN-3YA.de"]
    )
    @pytest.mark.parametrize("spelling", ["", "img.", "a.b."])
    def test_means_every_spelling_of_it_however_it_was_kept(self, kept: str, spelling: str) -> None:
        wanted = blocklist(TakedownKind.host, kept)

        assert is_meant(wanted, f"https://{spelling}münchen.de/x.jpg")
        assert is_meant(wanted, f"https://{spelling}xn--mnchen-3ya.de./x.jpg")

    @pytest.mark.parametrize("host", ["ba.test", "test", "a.test.example"])
    def test_means_no_host_that_only_looks_like_it(self, host: str) -> None:
        assert not is_meant(blocklist(TakedownKind.host, "a.test"), f"https://{host}/x.jpg")

    def test_means_what_it_shows_from_elsewhere(self) -> None:
        shown = {"landing_url": "https://a.test/gallery"}

        assert is_meant(blocklist(TakedownKind.host, "a.test"), "https://cdn.test/x", **shown)


class TestCreator:
    def test_means_the_same_name_in_any_case(self) -> None:
        wanted = blocklist(TakedownKind.creator, "Ida  Müller")

        assert is_meant(wanted, creator="IDA MÜLLER")
        assert not is_meant(wanted, creator="Ida Müller-Lang")
        assert not is_meant(wanted)


class TestLookAlike:
    def wanted(self, max_distance: int = 2) -> Blocklist:
        views = [WHOLE, MIRRORED, INNER, INNERMOST]
        return blocklist(
            TakedownKind.look_alike, "f" * 16, phashes=views, max_distance=max_distance
        )

    @pytest.mark.parametrize(
        "phashes",
        [
            [WHOLE ^ 0b11, 0, 0, 0],
            [MIRRORED, 0, 0, 0],
            [INNERMOST ^ 1, 0, 0, 0],
            [0, 0, WHOLE ^ 1, 0],
        ],
    )
    def test_means_one_that_is_near_any_view_of_the_other(self, phashes: list[int]) -> None:
        assert is_meant(self.wanted(), phashes=phashes)

    @pytest.mark.parametrize("phashes", [[], [WHOLE ^ 0b111, 0, 0, 0], [0, MIRRORED, 0, 0]])
    def test_means_nothing_further_off(self, phashes: list[int]) -> None:
        assert not is_meant(self.wanted(), phashes=phashes)

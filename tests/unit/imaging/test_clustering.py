"""From files to clusters: which pictures the rule on near duplicates takes for one."""

import base64
from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging import candidates, clustering, near_duplicates
from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.outcomes import Verdict
from tests.unit.imaging import pictures
from tests.unit.imaging.icons import BLACK, RED, SHAPES, SYMMETRIC, WHITE, icon, on_paper, png
from tests.unit.imaging.pictures import HUES, tinted
from tests.unit.imaging.test_upright import scene, stored

RADIUS = 10


def clusters(files: Sequence[bytes]) -> list[int]:
    """Place of the keeper of each file."""
    rows, signatures = [], {}
    for id_, data in zip(count(), files):
        seen = describe(data)
        assert isinstance(seen, Features), seen
        signatures[id_] = base64.b64decode(seen.signature)
        rows.append(
            SimpleNamespace(
                id=id_,
                phashes=list(seen.phashes),
                colours=seen.colours,
                mosaic=seen.mosaic,
                verdict=Verdict.keep,
                area=1,
                licence=None,
            )
        )
    images = clustering.hashed(rows)
    near = clustering.compare(images, RADIUS, 0, 1, lambda _: signatures)
    found = clustering.cluster(images, [near])
    keepers = dict(zip(found.members.tolist(), found.keepers.tolist(), strict=True))
    return [keepers.get(place, place) for place in range(len(files))]


class TestClusters:
    def test_are_of_one_picture_turned_in_every_way_and_format(self) -> None:
        image = scene((300, 220))
        files = [
            stored(image_format, image, orientation, quality=85)
            for image_format in ("JPEG", "PNG", "WEBP")
            for orientation in range(1, 9)
        ]

        assert clusters(files) == [0] * 24

    @pytest.mark.parametrize("shape", SHAPES)
    def test_are_of_one_icon_clear_and_on_either_paper(self, shape: str) -> None:
        clear = icon(shape, RED)
        copies = [on_paper(clear, paper) for paper in ("white", "black")]
        files = [png(clear), *(pictures.encoded("WEBP", copy, quality=90) for copy in copies)]

        assert clusters(files) == [0, 0, 0]

    @pytest.mark.parametrize("shape", [*SHAPES, *SYMMETRIC])
    @pytest.mark.parametrize(("fill", "paper"), [(BLACK, "white"), (WHITE, "black")])
    def test_are_of_one_icon_and_its_copy(
        self, shape: str, fill: tuple[int, int, int, int], paper: str
    ) -> None:
        clear = icon(shape, fill, 256)
        files = [png(clear), png(on_paper(clear, paper)), png(on_paper(clear, paper).convert("L"))]

        assert clusters(files) == [0, 0, 0]

    @pytest.mark.parametrize("fill", [BLACK, WHITE, RED])
    @pytest.mark.parametrize("side", [48, 64, 100, 128, 256, 500])
    def test_are_not_of_different_icons(self, fill: tuple[int, int, int, int], side: int) -> None:
        files = [png(icon(shape, fill, side)) for shape in (*SHAPES, *SYMMETRIC)]

        assert clusters(files) == list(range(len(files)))

    def test_are_not_of_pictures_in_other_colours(self) -> None:
        files = [
            pictures.encoded(image_format, tinted(hue), quality=90)
            for image_format in ("PNG", "JPEG")
            for hue in HUES
        ]

        assert clusters(files) == [*range(len(HUES))] * 2

    def test_are_of_a_picture_and_its_grey_copy(self) -> None:
        files = [png(tinted("red")), png(tinted("red").convert("L"))]

        assert clusters(files) == [0, 0]


class Unsigned:
    """Images of which there are hashes alone, as an earlier release stored them."""

    def __init__(self, views: Sequence[Sequence[int]], areas: Sequence[int]) -> None:
        self.views, self.areas = views, areas
        rows = [
            SimpleNamespace(
                id=id_,
                phashes=list(phashes),
                colours=None,
                mosaic=None,
                verdict=Verdict.keep,
                area=area,
                licence=None,
            )
            for id_, phashes, area in zip(count(), views, areas, strict=False)
        ]
        self.images = clustering.Hashed.from_bytes(clustering.hashed(rows).to_bytes())

    def keepers(self, n_shares: int = 1, radius: int = RADIUS) -> list[int]:
        shares = [
            clustering.compare(self.images, radius, share, n_shares, no_signatures)
            for share in range(n_shares)
        ]
        found = clustering.cluster(self.images, shares)
        keepers = dict(zip(found.members.tolist(), found.keepers.tolist(), strict=True))
        return [keepers.get(place, place) for place in range(len(self.views))]

    def expected(self) -> list[int]:
        """The keepers, found image by image from the best to the last."""
        keepers: dict[int, int] = {}
        for place in sorted(range(len(self.views)), key=lambda at: (-self.areas[at], at)):
            stay = [at for at, keeper in keepers.items() if at == keeper and self.near(at, place)]
            keepers[place] = stay[0] if stay else place
        return [keepers[place] for place in range(len(self.views))]

    def near(self, one: int, other: int) -> bool:
        return (
            min((a ^ b).bit_count() for a in self.views[one] for b in self.views[other])
            <= clustering.UNSIGNED_RADIUS
        )


def no_signatures(_: Sequence[int]) -> dict[int, bytes]:
    return {}


BASES = (0x0F0F_1234_5678_9ABC, 0x7333_3333_0000_FFFF, 0x1111_2222_5555_7777)
HASHES = st.builds(
    lambda base, bits: base ^ sum(1 << bit for bit in bits),
    st.sampled_from(BASES),
    st.sets(st.integers(0, 12), max_size=5),
)
IMAGES = st.lists(
    st.tuples(st.lists(HASHES, min_size=1, max_size=3), st.integers(1, 3)), max_size=16
)


class TestKeepers:
    def test_of_a_chain_are_the_best_and_what_is_near_to_a_member_only(self) -> None:
        base = BASES[0]
        chain = Unsigned([[base], [base ^ 0b111], [base ^ 0b111_1000_0111]], [3, 2, 1])

        assert chain.keepers() == [0, 0, 2]

    @given(IMAGES)
    def test_are_those_of_a_walk_from_the_best_to_the_last(
        self, images: list[tuple[list[int], int]]
    ) -> None:
        unsigned = Unsigned([views for views, _ in images], [area for _, area in images])

        assert unsigned.keepers() == unsigned.expected()

    @given(IMAGES, st.integers(2, 40))
    def test_are_the_same_in_however_many_shares(
        self, images: list[tuple[list[int], int]], n_shares: int
    ) -> None:
        unsigned = Unsigned([views for views, _ in images], [area for _, area in images])

        assert unsigned.keepers(n_shares) == unsigned.keepers()

    @pytest.mark.parametrize("n_shares", [1, 7])
    def test_are_the_same_where_there_are_more_pairs_than_are_kept(self, n_shares: int) -> None:
        """Thousands of pictures of three scenes, each scene within a few bits."""
        random = np.random.default_rng(5)
        views = [
            [BASES[at % 3] ^ int(random.integers(0, 256)) ^ (int(random.integers(0, 64)) << 30)]
            for at in range(1_200)
        ]
        areas = random.integers(1, 50, 1_200).tolist()
        whole, shared = Unsigned(views, areas), Unsigned(views, areas)

        keepers = shared.keepers(n_shares)

        assert keepers == whole.keepers(3)
        thrown = [(at, keeper) for at, keeper in enumerate(keepers) if at != keeper]
        assert len(thrown) > 900
        assert all(keepers[keeper] == keeper for _, keeper in thrown)
        assert all(whole.near(at, keeper) for at, keeper in thrown)

    def test_of_thousands_with_one_hash_is_the_best(self) -> None:
        n = 5_000
        unsigned = Unsigned([[BASES[0], BASES[1]]] * n, [1] * 4_321 + [2] * (n - 4_321))

        assert set(unsigned.keepers()) == {4_321}

    def test_of_thousands_that_give_way_to_one_of_another_hash_is_that(self) -> None:
        n = 5_000
        unsigned = Unsigned([[BASES[0] ^ 1], *[[BASES[0]]] * n], [2, *[1] * n])

        assert set(unsigned.keepers()) == {0}

    def test_of_nothing_are_none(self) -> None:
        assert Unsigned([], []).keepers(0) == []
        assert Unsigned([[]], [1]).keepers(0) == [0]

    def test_are_not_found_in_a_share_that_there_is_not(self) -> None:
        images = Unsigned([[BASES[0]], [BASES[0] ^ 1]], [1, 1]).images

        assert clustering.compare(images, RADIUS, 1, 1, no_signatures).codes.tolist() == []


class TestShares:
    @pytest.mark.parametrize("n", [3_000, 30_000, 100_000, 300_000])
    def test_end_in_time_where_all_images_lie_close_together(self, n: int) -> None:
        """As many looks as there may be, such as at the frames of films; a step has 15 minutes."""
        views = np.random.default_rng(n).integers(-(1 << 62), 1 << 62, (n, 5))
        ids = np.arange(n)
        images = clustering.Hashed(ids, candidates.grouped(views), ids, ids)
        choices = near_duplicates.plan(len(images.groups.hashes), RADIUS).others
        most = max(candidates.PAIRS_A_CHOICE, n // candidates.IMAGES_A_PAIR)

        n_shares = images.n_shares(RADIUS)

        n_looks = n * clustering.CROWDED / n_shares + -(-len(choices) // n_shares) * most
        assert n_looks * clustering.SECONDS_A_LOOK < 600

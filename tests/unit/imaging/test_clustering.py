"""From files to clusters: which pictures the rule on near duplicates takes for one."""

import io
from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from crawlset.imaging import clustering
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
    rows = []
    for id_, data in zip(count(), files):
        seen = describe(data)
        assert isinstance(seen, Features), seen
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
    shares = range(images.n_shares(RADIUS))
    found = clustering.cluster(
        images, [clustering.compare(images, RADIUS, share) for share in shares]
    )
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


class TestHashed:
    def test_of_before_there_were_colours_differs_in_looks_from_nothing(self) -> None:
        """A validation that is under way while the service is deployed has written such a file."""
        body = io.BytesIO()
        np.savez(
            body,
            ids=np.array([1, 2], dtype=np.int64),
            ranks=np.array([0, 1], dtype=np.int64),
            hashes=np.array([5, 7], dtype=np.uint64),
            owners=np.array([0, 1], dtype=np.int64),
            equal=np.empty((0, 2), dtype=np.int64),
        )

        images = clustering.Hashed.from_bytes(body.getvalue())

        links = clustering.Links(np.array([[0, 1]]), np.array([1, 1], dtype=np.uint8))
        assert clustering.cluster(images, [links]).keepers.tolist() == [1, 1]
        again = clustering.Hashed.from_bytes(images.to_bytes())
        assert (again.colours.tolist(), again.mosaic.tolist()) == ([0, 0], [-1, -1])

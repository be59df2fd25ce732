"""Parts of masks, and the rectangles around them."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from crawlset.measuring.blobs import blobs, rectangle_around


def mask_of(*rows: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in rows])


def drawn(width: int, height: int, degrees: float) -> np.ndarray:
    """A mask of 200 x 200 with a rectangle around its middle, turned counterclockwise."""
    image = Image.new("L", (200, 200))
    left, top = 100 - width / 2, 100 - height / 2
    ImageDraw.Draw(image).rectangle((left, top, left + width - 1, top + height - 1), fill=255)
    return np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC)) > 127


class TestBlobs:
    @pytest.mark.parametrize(
        ("mask", "sizes"),
        [
            (mask_of("....", "...."), []),
            (mask_of("####", "####"), [8]),
            (mask_of("#..#", "#..#"), [2, 2]),
            (mask_of("#..#", ".##."), [4]),
            (mask_of("#.#.", "....", "#.#."), [1, 1, 1, 1]),
            (mask_of("#.#", "#.#", "###"), [7]),
            (mask_of("..#", "#..", "..#"), [1, 1, 1]),
            (mask_of("###", "#.#", "###", "...", "#.#"), [8, 1, 1]),
        ],
        ids=["none", "all", "apart", "corners", "gaps", "joined-below", "zigzag", "ring"],
    )
    def test_are_what_hangs_together(self, mask: np.ndarray, sizes: list[int]) -> None:
        assert [blob.n_pixels for blob in blobs(mask)] == sizes

    def test_of_rows_do_not_touch_around_the_edge(self) -> None:
        assert len(list(blobs(mask_of("..##", "....", "##..")))) == 2
        assert len(list(blobs(mask_of("...#", "#...")))) == 2

    def test_have_all_pixels_of_noise(self) -> None:
        noise = np.random.default_rng(0).random((120, 90)) < 0.3

        assert sum(blob.n_pixels for blob in blobs(noise)) == noise.sum()


class TestRectangleAround:
    @pytest.mark.parametrize("degrees", [0, 10, 30, 45, 60, -20, -45, -80])
    def test_leans_as_what_is_in_it(self, degrees: float) -> None:
        (blob,) = blobs(drawn(120, 30, degrees))

        found = rectangle_around(blob.corners)

        assert (found.x, found.y) == pytest.approx((100, 100), abs=1.5)
        assert (found.length, found.height) == pytest.approx((120, 30), abs=3)
        assert found.angle == pytest.approx(math.radians(-degrees), abs=0.03)

    def test_stands_where_its_longer_side_does(self) -> None:
        (blob,) = blobs(drawn(30, 120, 0))

        found = rectangle_around(blob.corners)

        assert (found.length, found.height) == (120, 30)
        assert found.angle == pytest.approx(-math.pi / 2)

    def test_of_one_pixel_is_that_pixel(self) -> None:
        (blob,) = blobs(mask_of("....", "..#."))

        found = rectangle_around(blob.corners)

        assert (found.x, found.y, found.length, found.height) == pytest.approx((2.5, 1.5, 1, 1))
        assert found.grown(2).area == pytest.approx(25)

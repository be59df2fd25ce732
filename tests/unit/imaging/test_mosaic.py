import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.imaging.hashes import mosaic
from crawlset.imaging.mosaic import MOST, differ, packed
from tests.unit.imaging import pictures
from tests.unit.imaging.icons import BLACK, SYMMETRIC, icon, on_paper, png

NUMBERS = st.lists(st.integers(0, MOST), min_size=16, max_size=16)


def mosaic_of(data: bytes) -> int:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    assert seen.mosaic is not None
    return seen.mosaic


def apart(one: int, other: int) -> bool:
    return bool(differ(np.array([one]), np.array([other]))[0])


class TestMosaic:
    def test_are_means_from_the_darkest_to_the_lightest_pixel(self) -> None:
        grey = np.full((8, 8), 200, np.uint8)
        grey[:2, :2] = 40
        grey[2:4, :2] = [[40, 200], [200, 40]]

        assert mosaic(grey, (0, 0, 8, 8)) == [0, *[15] * 3, 8, *[15] * 11]

    def test_of_one_level_are_none_of_it(self) -> None:
        assert mosaic(np.full((5, 7), 99, np.uint8), (0, 0, 7, 5)) == [0] * 16

    def test_are_of_pictures_of_few_grey_levels(self) -> None:
        photograph, drawing = describe(pictures.jpeg()), describe(png(icon("ring", BLACK)))

        assert isinstance(photograph, Features)
        assert isinstance(drawing, Features)
        assert (photograph.mosaic, drawing.mosaic is None) == (None, False)

    @pytest.mark.parametrize("shape", SYMMETRIC)
    @pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "PNG", "GIF"])
    @pytest.mark.parametrize("side", [128, 300])
    def test_are_alike_of_a_copy(self, shape: str, image_format: str, side: int) -> None:
        copy = on_paper(icon(shape, BLACK, 256), "white").resize((side, side))

        seen = mosaic_of(pictures.encoded(image_format, copy, quality=70))

        assert not apart(seen, mosaic_of(png(icon(shape, BLACK, 256))))


class TestDiffer:
    @given(NUMBERS)
    def test_is_never_so_of_a_picture_and_itself_mirrored_or_inverted(self, one: list[int]) -> None:
        mirrored = [one[4 * row + 3 - column] for row in range(4) for column in range(4)]
        inverted = [MOST - tile for tile in mirrored]

        for other in (one, mirrored, inverted):
            assert not apart(packed(one), packed(other))

    @given(NUMBERS, NUMBERS)
    def test_is_the_same_both_ways(self, one: list[int], other: list[int]) -> None:
        assert apart(packed(one), packed(other)) == apart(packed(other), packed(one))

    @given(NUMBERS)
    def test_goes_by_numbers_that_fit_a_column(self, one: list[int]) -> None:
        assert -(1 << 63) <= packed(one) < 1 << 63
        assert packed(one) != -1

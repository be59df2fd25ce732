"""
What hashes of grey pixels do not see: colours.

Two pictures of equal grey have equal perceptual hashes, and people ask why:
https://github.com/JohannesBuchner/imagehash/issues/134,
https://github.com/KilianB/JImageHash/issues/44, https://github.com/qarmin/czkawka/issues/425.
"""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from crawlset.imaging.colours import differ, packed, unpacked
from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.resizing import Resize, ResizeMode
from crawlset_local.sample_site.photographs import PHOTOGRAPHS, photograph_pixels
from tests.bench.transforms import ODD, USUAL, encoded
from tests.unit.imaging import pictures
from tests.unit.imaging.pictures import HUES, tinted

NUMBERS = st.lists(st.integers(-128, 127), min_size=8, max_size=8)


def features(data: bytes, wanted: Resize | None = None) -> Features:
    seen = describe(data, wanted)
    assert isinstance(seen, Features), seen
    return seen


def have_other_colours(one: Features, other: Features) -> bool:
    return differ(unpacked(one.colours), unpacked(other.colours))


class TestPixelHash:
    @pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF"])
    def test_tells_colours_of_equal_grey_apart(self, image_format: str) -> None:
        seen = [features(pictures.encoded(image_format, tinted(hue))) for hue in HUES]

        assert len({one.pixel_hash for one in seen}) == len(HUES)

    def test_sees_every_pixel_of_a_large_picture(self) -> None:
        image = pictures.picture("RGB", (1500, 1100))
        other = image.copy()
        other.paste(ImageChops.invert(image.crop((700, 800, 701, 801))), (700, 800))

        one, changed = (features(pictures.encoded("PNG", each)) for each in (image, other))

        assert one.pixel_hash != changed.pixel_hash

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
    def test_goes_by_what_the_pixels_look_like_and_not_by_their_mode(self, mode: str) -> None:
        image = pictures.picture("1")
        data = pictures.encoded("PNG", image.convert(mode))
        lossless = pictures.encoded("WEBP", image.convert("RGB"), lossless=True)

        assert features(data).pixel_hash == features(lossless).pixel_hash

    def test_of_other_sides_is_another(self) -> None:
        wide, high = Image.new("RGB", (80, 20), "red"), Image.new("RGB", (20, 80), "red")

        one, other = (features(pictures.encoded("PNG", each)) for each in (wide, high))

        assert one.pixel_hash != other.pixel_hash

    @pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
    def test_of_a_jpeg_does_not_change_with_what_its_file_says(self, mode: str) -> None:
        plain = features(pictures.jpeg(mode, (800, 600)))
        about = features(pictures.jpeg(mode, (800, 600), comment=b"hello", dpi=(300, 300)))

        assert plain.pixel_hash == about.pixel_hash

    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_of_a_jpeg_tells_its_true_size(self, mode: str) -> None:
        """Decoded at an eighth both have as many pixels."""
        one, other = (
            features(pictures.encoded("JPEG", Image.new(mode, size))).pixel_hash
            for size in ((801, 601), (807, 607))
        )

        assert one != other


class TestColours:
    @pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF"])
    @pytest.mark.parametrize("one", HUES)
    @pytest.mark.parametrize("other", HUES)
    def test_tell_pictures_of_equal_grey_apart(
        self, image_format: str, one: str, other: str
    ) -> None:
        seen = features(pictures.encoded(image_format, tinted(one)))
        copy = features(pictures.encoded("JPEG", tinted(other, (400, 300)), quality=60))

        assert have_other_colours(seen, copy) == (one != other)

    @pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF"])
    def test_of_a_grey_copy_are_like_any(self, image_format: str) -> None:
        grey = features(pictures.encoded(image_format, tinted("red").convert("L")))

        assert not any(
            have_other_colours(grey, features(pictures.encoded("PNG", tinted(hue)))) for hue in HUES
        )

    def test_see_a_small_spot(self) -> None:
        red, blue = (
            features(pictures.encoded("PNG", with_spot(colour)))
            for colour in ((200, 0, 0), (0, 0, 255))
        )

        assert have_other_colours(red, blue)

    @pytest.mark.parametrize("change", (USUAL | ODD).values(), ids=(USUAL | ODD).keys())
    @pytest.mark.parametrize("name", list(PHOTOGRAPHS)[::4])
    def test_outlast_what_people_do_to_pictures(
        self, name: str, change: Callable[[Image.Image], bytes]
    ) -> None:
        image = photograph_pixels(name).convert("RGB").resize((320, 240))

        assert not have_other_colours(features(encoded(image)), features(change(image)))

    @pytest.mark.parametrize("mode", list(ResizeMode))
    def test_are_the_same_when_the_picture_is_stored_resized(self, mode: ResizeMode) -> None:
        data = encoded(photograph_pixels(next(iter(PHOTOGRAPHS))).convert("RGB"))

        usual, resized = features(data), features(data, Resize(mode, 200))

        assert np.allclose(unpacked(usual.colours), unpacked(resized.colours), atol=6)
        assert resized.transformed is not None
        assert not have_other_colours(usual, features(resized.transformed.data))

    @pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 3), (3, 9000)])
    def test_are_taken_of_any_shape(self, size: tuple[int, int]) -> None:
        red, blue = (
            features(pictures.encoded("PNG", Image.new("RGB", size, colour)))
            for colour in ("red", "blue")
        )

        assert have_other_colours(red, blue)


class TestDiffer:
    @given(NUMBERS)
    def test_reads_what_is_packed(self, numbers: list[int]) -> None:
        assert unpacked(packed(numbers)) == tuple(numbers)
        assert -(1 << 63) <= packed(numbers) < 1 << 63

    @given(NUMBERS, NUMBERS)
    def test_is_the_same_both_ways(self, one: list[int], other: list[int]) -> None:
        assert differ(tuple(one), tuple(other)) == differ(tuple(other), tuple(one))

    @given(NUMBERS, st.sampled_from([(0, 1, 2, 3), (1, 0, 3, 2)]))
    def test_is_never_so_of_a_picture_and_its_mirror_image(
        self, one: list[int], order: tuple[int, ...]
    ) -> None:
        mirrored = [number for place in order for number in one[2 * place : 2 * place + 2]]

        assert not differ(tuple(one), tuple(mirrored))

    @given(st.lists(st.integers(-42, 42), min_size=8, max_size=8))
    def test_is_never_so_of_stronger_colours_of_the_same_hues(self, one: list[int]) -> None:
        assert not differ(tuple(one), tuple(3 * number for number in one))


def with_spot(colour: tuple[int, int, int]) -> Image.Image:
    image = pictures.picture("L").convert("RGB")
    image.paste(colour, (20, 20, 32, 32))
    return image


def test_of_gif_and_png_are_near() -> None:
    image = tinted("yellow")
    stream = io.BytesIO()
    image.quantize(32).save(stream, "GIF")

    seen, gif = features(pictures.encoded("PNG", image)), features(stream.getvalue())

    assert not have_other_colours(seen, gif)

"""
Pictures are measured upright, however their files store them.

Phones store what the sensor saw and say in EXIF how to turn it; copies that programs have turned
are not found by hashes of the stored pixels: https://github.com/btd/sharp-phash/pull/1,
https://github.com/qarmin/czkawka/issues/1540.
"""

import numpy as np
import pytest
from PIL import Image

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.imaging.orientation import upright_picture, upright_pixels, upright_size
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging import pictures

BITS = 4
FORMATS = ["JPEG", "PNG", "WEBP"]
SIZES = [(200, 150), (97, 131), (901, 677), (1400, 66), (33, 40)]
_STORED: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How an upright picture is stored with an orientation (CIPA DC-008, 4.6.4)."""


def scene(size: tuple[int, int]) -> Image.Image:
    """No two of its eight turns are alike, and each corner has a colour of its own."""
    grey = pictures.picture("RGB", size)
    tint = Image.new("RGB", (2, 2))
    tint.putdata([(200, 40, 40), (40, 160, 40), (40, 40, 200), (160, 160, 20)])
    return Image.blend(grey, tint.resize(size, Image.Resampling.BICUBIC), 0.4)


def stored(image_format: str, image: Image.Image, orientation: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = _STORED.get(orientation)
    turned = image if turn is None else image.transpose(turn)
    return pictures.encoded(image_format, turned, exif=exif.tobytes(), **options)


def features(data: bytes, wanted: Resize | None = None) -> Features:
    seen = describe(data, wanted)
    assert isinstance(seen, Features), seen
    return seen


def assert_same_picture(seen: Features, upright: Features) -> None:
    for bits, other in zip(seen.phashes, upright.phashes, strict=True):
        assert ((bits ^ other) & (2**64 - 1)).bit_count() <= BITS
    for name, score in upright.scores.items():
        assert seen.scores[name] == pytest.approx(score, abs=0.05), name


class TestDescribe:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("image_format", FORMATS)
    @pytest.mark.parametrize("size", SIZES)
    def test_measures_the_upright_picture(
        self, image_format: str, orientation: int, size: tuple[int, int]
    ) -> None:
        image = scene(size)

        seen = features(stored(image_format, image, orientation, quality=92))

        assert_same_picture(seen, features(pictures.encoded(image_format, image, quality=92)))
        assert seen.orientation == orientation
        assert (seen.width, seen.height) == upright_size(*size, orientation)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize(("image_format", "options"), [("PNG", {}), ("WEBP", {"lossless": 1})])
    def test_hashes_the_pixels_of_the_upright_picture(
        self, image_format: str, options: dict[str, object], orientation: int
    ) -> None:
        image = scene((97, 131))

        seen = features(stored(image_format, image, orientation, **options))

        upright = features(pictures.encoded("PNG", image))
        assert (seen.pixel_hash, seen.colours) == (upright.pixel_hash, upright.colours)

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_tells_the_turns_of_a_picture_apart(self, orientation: int) -> None:
        image = scene((200, 150))

        seen = features(stored("PNG", image, orientation))

        as_stored = features(pictures.encoded("PNG", image.transpose(_STORED[orientation])))
        assert ((seen.phashes[0] ^ as_stored.phashes[0]) & (2**64 - 1)).bit_count() > 10
        assert seen.pixel_hash != as_stored.pixel_hash

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("mode", ["L", "CMYK"])
    def test_measures_other_jpegs_upright(self, mode: str, orientation: int) -> None:
        image = pictures.picture("L", (200, 150)).convert(mode)

        seen = features(stored("JPEG", image, orientation, quality=92))

        assert_same_picture(seen, features(pictures.encoded("JPEG", image, quality=92)))

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("image_format", FORMATS)
    @pytest.mark.parametrize("stored_format", list(StoredFormat))
    def test_of_what_is_stored_resized_gives_the_same(
        self, image_format: str, orientation: int, stored_format: StoredFormat
    ) -> None:
        wanted = Resize(ResizeMode.keep_ratio, 128, format=stored_format, quality=9)
        image = scene((640, 480))

        seen = features(stored(image_format, image, orientation, quality=92), wanted)

        assert seen.transformed is not None
        again = features(seen.transformed.data)
        assert ((seen.phashes[0] ^ again.phashes[0]) & (2**64 - 1)).bit_count() <= BITS
        assert again.orientation is None


class TestUprightPixels:
    @pytest.mark.parametrize("orientation", [None, *range(9)])
    def test_are_those_of_the_upright_picture(self, orientation: int | None) -> None:
        image = pictures.grain((7, 5))

        pixels, box = upright_pixels(np.asarray(image), (0, 0, 6.5, 4.75), orientation)

        turned = upright_picture(image, orientation)
        assert np.array_equal(pixels, np.asarray(turned))
        assert turned.size == upright_size(7, 5, orientation)
        assert 0 <= box[0] < box[2] <= turned.width
        assert 0 <= box[1] < box[3] <= turned.height
        sides = {box[2] - box[0], box[3] - box[1]}
        assert sides == {6.5, 4.75}

    @pytest.mark.parametrize(
        ("orientation", "covered"),
        [
            (2, (0.5, 0, 7, 4.75)),
            (3, (0.5, 0.25, 7, 5)),
            (4, (0, 0.25, 6.5, 5)),
            (5, (0, 0, 4.75, 6.5)),
            (6, (0.25, 0, 5, 6.5)),
            (7, (0.25, 0.5, 5, 7)),
            (8, (0, 0.5, 4.75, 7)),
        ],
    )
    def test_are_covered_where_the_picture_has_gone(
        self, orientation: int, covered: tuple[float, ...]
    ) -> None:
        _, box = upright_pixels(np.zeros((5, 7)), (0, 0, 6.5, 4.75), orientation)

        assert box == covered

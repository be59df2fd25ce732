import numpy as np
import pytest
from PIL import Image

from crawlset.imaging.hashes import phashes, turned_phash, without_border, without_frame
from crawlset.imaging.second_look import signature_of
from tests.unit.imaging import pictures


def distance(a: int, b: int) -> int:
    return ((a ^ b) & (2**64 - 1)).bit_count()


def exact(grey: Image.Image) -> np.ndarray:
    return np.asarray(grey).astype(np.float64)


def views(grey: Image.Image) -> tuple[int, ...]:
    return phashes(exact(grey), (0, 0, *grey.size))


def reference_phash(grey: Image.Image) -> int:
    """`imagehash.phash`, its DCT-II spelled out."""
    pixels = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    k, x = np.mgrid[:8, :32]
    basis = np.cos(np.pi * k * (2 * x + 1) / 64)
    lowest = basis @ pixels @ basis.T
    bits = (lowest > np.median(lowest)).flatten()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def turned(angle: int) -> Image.Image:
    return pictures.picture("L", (300, 220)).rotate(angle)


def of_turned(grey: Image.Image) -> int:
    return turned_phash(signature_of(np.asarray(grey), None, (0, 0, *grey.size)))


def evenly_edged() -> Image.Image:
    """Something on a ground of one grey."""
    image = Image.new("L", (116, 100), 120)
    image.paste(pictures.picture("L", (76, 75)), (20, 15))
    return image


def cut(grey: Image.Image) -> tuple[float, ...]:
    pixels, box = np.asarray(grey), (0.0, 0.0, float(grey.width), float(grey.height))
    return without_frame(pixels, box, without_border(pixels, box))


ANGLES = range(0, 180, 20)


class TestPhashes:
    @pytest.mark.parametrize("angle", ANGLES)
    def test_has_the_bits_of_the_published_formula(self, angle: int) -> None:
        grey = turned(angle)

        assert distance(views(grey)[0], reference_phash(grey)) <= 2

    @pytest.mark.parametrize("size", [(20, 15), (32, 32), (33, 700)])
    def test_takes_pictures_of_any_shape(self, size: tuple[int, int]) -> None:
        grey = pictures.picture("L", size)

        assert distance(views(grey)[0], reference_phash(grey)) <= 2

    @pytest.mark.parametrize("angle", ANGLES)
    def test_has_a_view_that_is_the_hash_of_the_mirrored_picture(self, angle: int) -> None:
        whole, mirrored, *_ = views(turned(angle))

        other = views(turned(angle).transpose(Image.Transpose.FLIP_LEFT_RIGHT))

        assert distance(whole, mirrored) > 10
        assert distance(mirrored, other[0]) <= 2
        assert distance(whole, other[1]) <= 2

    @pytest.mark.parametrize(("view", "margin"), [(2, 0.05), (3, 0.1)])
    @pytest.mark.parametrize("angle", ANGLES)
    def test_has_views_that_are_the_hashes_of_cropped_pictures(
        self, view: int, margin: float, angle: int
    ) -> None:
        grey = turned(angle)
        width, height = grey.size
        x, y = round(width * margin), round(height * margin)

        cropped = grey.crop((x, y, width - x, height - y))

        assert distance(views(grey)[view], views(cropped)[0]) <= 2

    def test_keeps_to_ten_bits_when_the_picture_is_scaled(self) -> None:
        grey = pictures.picture("L", (400, 300))

        assert distance(views(grey)[0], views(grey.resize((160, 120)))[0]) <= 10

    @pytest.mark.parametrize("level", [0, 77, 255])
    def test_sees_only_the_mean_of_a_flat_picture(self, level: int) -> None:
        flat = Image.new("L", (125, 94), level)

        assert set(views(flat)) == {-(1 << 63) if level else 0}

    def test_hashes_the_part_in_the_box(self) -> None:
        grey = pictures.picture("L")
        box = (20, 20, 120, 110)

        assert phashes(exact(grey), box) == views(grey.crop(box))


class TestTurnedPhash:
    @pytest.mark.parametrize("degrees", [-5, -4, 4, 5, 6])
    @pytest.mark.parametrize("angle", ANGLES)
    def test_finds_a_picture_that_is_turned_either_way(self, angle: int, degrees: int) -> None:
        grey = turned(angle)
        copy = grey.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=0)

        one, other = ((of_turned(each), views(each)[3]) for each in (grey, copy))

        assert min(distance(one[0], other[1]), distance(one[1], other[0])) <= 10

    def test_is_the_hash_of_the_turned_picture(self) -> None:
        grey = turned(0)

        copy = grey.rotate(5, Image.Resampling.BICUBIC)

        assert distance(of_turned(grey), views(copy)[3]) <= 2
        assert distance(views(grey)[3], views(copy)[3]) > 10

    def test_sees_only_the_mean_of_a_flat_picture(self) -> None:
        assert of_turned(Image.new("L", (125, 94), 77)) == -(1 << 63)


class TestWithoutFrame:
    @pytest.mark.parametrize("frame", [0, 255])
    def test_leaves_of_a_framed_picture_what_is_left_of_the_picture(self, frame: int) -> None:
        picture = evenly_edged()
        framed = Image.new("L", (140, 120), frame)
        framed.paste(picture, (12, 9))

        left, top, right, bottom = cut(framed)

        assert cut(picture) == (20, 15, 96, 90)
        assert (left - 12, top - 9, right - 12, bottom - 9) == cut(picture)

    def test_leaves_what_is_left_of_a_picture_without_a_frame(self) -> None:
        """The sky grows light by and by."""
        sky = Image.linear_gradient("L").resize((120, 100)).point(lambda value: 60 + value // 4)
        sky.paste(pictures.picture("L", (60, 40)), (30, 40))
        pixels = np.asarray(sky)
        inner = without_border(pixels, (0, 0, 120, 100))

        assert inner[1] > 0
        assert without_frame(pixels, (0, 0, 120, 100), inner) == inner

    def test_leaves_a_picture_that_has_no_border(self) -> None:
        grey = pictures.picture("L")
        box = (0.0, 0.0, float(grey.width), float(grey.height))

        assert without_frame(np.asarray(grey), box, box) == box

    def test_takes_nothing_of_a_small_picture_in_its_frame(self) -> None:
        framed = Image.new("L", (12, 12), 255)
        framed.paste(pictures.picture("L", (4, 4)), (4, 4))
        pixels = np.asarray(framed)
        inner = without_border(pixels, (0, 0, 12, 12))

        assert without_frame(pixels, (0, 0, 12, 12), inner) == inner


class TestWithoutBorder:
    def test_finds_the_picture_in_its_frame(self) -> None:
        framed = Image.new("L", (150, 120), 255)
        framed.paste(pictures.picture("L", (100, 80)), (30, 25))

        inner = without_border(np.asarray(framed), (0, 0, 149.5, 119.5))

        assert inner == (30, 25, 130, 105)

    def test_finds_bars_of_two_colours(self) -> None:
        barred = Image.new("L", (100, 120), 255)
        barred.paste(0, (0, 60, 100, 120))
        barred.paste(pictures.picture("L", (100, 80)), (0, 20))

        assert without_border(np.asarray(barred), (0, 0, 100, 119.5)) == (0, 20, 100, 100)

    @pytest.mark.parametrize(
        "grey",
        [
            pictures.picture("L"),
            Image.new("L", (100, 80), 30),
            Image.linear_gradient("L"),
            Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90),
        ],
    )
    def test_leaves_a_picture_that_has_none(self, grey: Image.Image) -> None:
        box = (0.0, 0.0, grey.width - 0.5, grey.height - 0.5)

        left, top, right, bottom = without_border(np.asarray(grey), box)

        assert left + top + (box[2] - right) + (box[3] - bottom) <= 18

    def test_takes_a_speck_for_no_picture(self) -> None:
        speck = Image.new("L", (100, 100))
        speck.putpixel((50, 50), 255)

        assert without_border(np.asarray(speck), (0, 0, 100, 100)) == (0, 0, 100, 100)

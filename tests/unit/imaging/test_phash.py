import numpy as np
import pytest
from PIL import Image

from crawlset.imaging.phash import dhash, phash, signed
from tests.unit.imaging import pictures


def reference_phash(grey: Image.Image) -> int:
    """`imagehash.phash`, its DCT-II spelled out."""
    pixels = np.asarray(grey.resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    k, x = np.mgrid[:8, :32]
    basis = np.cos(np.pi * k * (2 * x + 1) / 64)
    lowest = basis @ pixels @ basis.T
    bits = (lowest > np.median(lowest)).flatten()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


class TestPhash:
    @pytest.mark.parametrize("angle", range(0, 180, 20))
    def test_has_the_bits_of_the_published_formula(self, angle: int) -> None:
        grey = pictures.picture("L").rotate(angle)

        assert (phash(grey) ^ reference_phash(grey)).bit_count() <= 1

    def test_keeps_to_ten_bits_when_the_picture_is_scaled_and_recompressed(self) -> None:
        grey = pictures.picture("L", (400, 300))

        assert (phash(grey) ^ phash(grey.resize((160, 120)))).bit_count() <= 10

    def test_sees_only_the_mean_of_a_flat_picture(self) -> None:
        assert phash(Image.new("L", (64, 64), 77)) == 1 << 63

    def test_hashes_the_part_in_the_box(self) -> None:
        grey = pictures.picture("L")

        assert phash(grey, (20, 20, 120, 110)) == phash(grey.crop((20, 20, 120, 110)))


class TestDhash:
    def test_compares_neighbours_from_left_to_right(self) -> None:
        slope = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)

        assert dhash(slope) == 2**64 - 1
        assert dhash(slope.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0


class TestSigned:
    @pytest.mark.parametrize(
        ("bits", "number"),
        [(0, 0), (1, 1), (2**63 - 1, 2**63 - 1), (2**63, -(2**63)), (2**64 - 1, -1)],
    )
    def test_is_the_bigint_of_the_same_bits(self, bits: int, number: int) -> None:
        assert signed(bits) == number

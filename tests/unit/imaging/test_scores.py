import numpy as np
import pytest
from PIL import Image, ImageFilter

from crawlset.imaging.scores import blur, scores
from tests.unit.imaging import pictures


def measured(image: Image.Image) -> dict[str, float]:
    return scores(np.asarray(image.convert("L")))


class TestScores:
    @pytest.mark.parametrize(("level", "brightness"), [(0, 0.0), (51, 0.2), (255, 1.0)])
    def test_of_a_flat_picture(self, level: int, brightness: float) -> None:
        seen = measured(Image.new("L", (90, 64), level))

        for name in ("p1", "p5", "p50", "p95", "p99", "mean"):
            assert seen[f"brightness_{name}"] == brightness
        assert (seen["contrast"], seen["entropy"], seen["sharpness"]) == (0, 0, 0)
        assert seen["uniformity"] == 1

    def test_of_black_and_white_halves(self) -> None:
        halves = Image.new("L", (64, 64))
        halves.paste(255, (32, 0, 64, 64))

        seen = measured(halves)

        assert (seen["brightness_p5"], seen["brightness_p99"]) == (0, 1)
        assert (seen["brightness_mean"], seen["contrast"]) == (0.5, 0.5)
        assert (seen["entropy"], seen["uniformity"]) == (1, 0.5)

    def test_of_every_level_once(self) -> None:
        levels = np.arange(256, dtype=np.uint8).reshape(16, 16)

        seen = scores(levels)

        assert (seen["entropy"], seen["uniformity"]) == (8, 16 / 256)
        assert seen["brightness_p5"] == round(12 / 255, 4)

    def test_tell_a_blurred_picture(self) -> None:
        sharp = pictures.grain((100, 75))

        blurred = measured(sharp.filter(ImageFilter.GaussianBlur(2)))

        assert blurred["sharpness"] < measured(sharp)["sharpness"] / 2

    def test_tell_a_dark_picture(self) -> None:
        image = pictures.picture("L")

        dark = measured(image.point([level // 4 for level in range(256)]))

        assert dark["brightness_p99"] < 0.32 < measured(image)["brightness_p99"]

    @pytest.mark.parametrize("size", [(1, 1), (2, 64), (3, 3)])
    def test_of_a_tiny_picture_are_numbers(self, size: tuple[int, int]) -> None:
        assert all(np.isfinite(value) for value in measured(Image.new("L", size, 9)).values())


class TestBlur:
    @pytest.mark.parametrize("size", [(64, 48), (64, 64), (7, 3), (64, 2), (1, 1)])
    def test_is_of_the_edges_that_pillow_finds(self, size: tuple[int, int]) -> None:
        """At most 64 pixels a side, so that the picture is judged at the size that it has."""
        for image in (pictures.grain(size), pictures.picture("L", size).convert("L")):
            grey = image.convert("L")
            edges = np.asarray(grey.filter(ImageFilter.FIND_EDGES))
            wide = 1 - np.exp(-0.01 * np.std(grey.histogram()))

            expected = 1 - np.exp(-0.01 * edges.std()) + (wide if wide > 0.18 else 0)

            seen = blur(np.asarray(grey), (0.0, 0.0, *size), max(size))
            assert seen == round(min(1.0, float(expected)), 4)

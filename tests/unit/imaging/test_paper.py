"""
Pictures with transparency are measured as they look on paper.

People find all icons alike where alpha is dropped, and equal ones different where the colours under
a clear ground differ: https://github.com/pgrho/phash/issues/29,
https://github.com/benhoyt/dhash/issues/3, https://github.com/KilianB/JImageHash/issues/38.
"""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging import pictures
from tests.unit.imaging.icons import BLACK, GHOST, RED, SHAPES, WHITE, icon, on_paper, png
from tests.unit.imaging.raw_png import COLOUR, GREY, GREY_ALPHA, PALETTE, raw_png

RADIUS = 10
SIDE = 96
FILLS = [BLACK, WHITE, RED, GHOST]
SHAPE = np.asarray(icon("arrow", BLACK, SIDE).getchannel("A")) > 127
"""Height x width; the dark figure of the pictures below, on a clear ground."""
AS_SEEN = Image.fromarray(np.where(SHAPE, 0, 255).astype(np.uint8))


def features(data: bytes) -> Features:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return seen


def nearest(one: Features, other: Features) -> int:
    """Bits between the views of two pictures that are nearest to one another."""
    return min(((a ^ b) & (2**64 - 1)).bit_count() for a in one.phashes for b in other.phashes)


def samples(figure: int, ground: int) -> list[list[int]]:
    return [[figure if is_in else ground for is_in in row] for row in SHAPE.tolist()]


def coloured(figure: int, *ground: int) -> list[list[int]]:
    """Three samples a pixel."""
    return [
        [sample for is_in in row for sample in ([figure] * 3 if is_in else ground)]
        for row in SHAPE.tolist()
    ]


class TestIcons:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize(
        ("fill", "paper"),
        [(BLACK, "white"), (WHITE, "black"), (RED, "white"), (RED, "black"), (GHOST, "white")],
    )
    @pytest.mark.parametrize("side", [64, 160, 700])
    def test_are_near_their_copy_on_paper_where_one_sees_it(
        self, shape: str, fill: tuple[int, int, int, int], paper: str, side: int
    ) -> None:
        clear = icon(shape, fill, side)
        copy = on_paper(clear, paper)

        seen = features(png(clear))

        assert nearest(seen, features(png(copy))) == 0
        if side > 64:
            for image_format in ("JPEG", "WEBP"):
                lossy = features(pictures.encoded(image_format, copy, quality=90))
                assert nearest(seen, lossy) <= RADIUS

    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize("side", [64, 160, 700])
    def test_of_other_shapes_are_far(self, fill: tuple[int, int, int, int], side: int) -> None:
        seen = [features(png(icon(shape, fill, side))) for shape in SHAPES]

        for one, other in combinations(seen, 2):
            assert nearest(one, other) > RADIUS

    def test_on_white_have_the_scores_of_the_copy(self) -> None:
        clear = icon("key", RED)

        seen, copy = features(png(clear)), features(png(on_paper(clear, "white")))

        assert seen.scores == copy.scores
        assert (seen.phashes[:6], seen.colours) == (copy.phashes, copy.colours)

    def test_that_are_white_are_measured_on_black(self) -> None:
        clear = icon("key", WHITE)

        seen, copy = features(png(clear)), features(png(on_paper(clear, "black")))

        assert (seen.scores, seen.phashes) == (copy.scores, copy.phashes)

    @pytest.mark.parametrize("hidden", [(255, 0, 0), (255, 255, 255), (9, 99, 9)])
    def test_do_not_depend_on_colours_that_nobody_sees(self, hidden: tuple[int, int, int]) -> None:
        clear = np.array(icon("house", RED))
        other = clear.copy()
        other[other[:, :, 3] == 0, :3] = hidden

        one, same = (features(png(Image.fromarray(pixels))) for pixels in (clear, other))

        assert (one.phashes, one.scores, one.pixel_hash) == (
            same.phashes,
            same.scores,
            same.pixel_hash,
        )

    def test_that_cannot_be_seen_at_all_are_described(self) -> None:
        seen = features(png(Image.new("RGBA", (80, 80), (200, 30, 30, 0))))

        assert seen.scores["uniformity"] == 1


def grey_alpha(image_format: str, **options: object) -> bytes:
    """All of it black; the figure is in the alpha alone."""
    alpha = Image.fromarray(SHAPE.astype(np.uint8) * np.uint8(255))
    image = Image.merge("LA", [Image.new("L", alpha.size), alpha])
    mode = "LA" if image_format == "PNG" else "RGBA"
    return pictures.encoded(image_format, image.convert(mode), **options)


def gif() -> bytes:
    """A palette of which the second colour is clear (GIF89a, 23)."""
    image = Image.fromarray(np.where(SHAPE, 0, 1).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 90, 0, 0])
    return pictures.encoded("GIF", image, transparency=1)


CLEAR_GROUNDS = {
    "grey and alpha": grey_alpha("PNG"),
    "grey and alpha, 16 bits": raw_png(
        [[v for is_in in row for v in (0, 65535 * is_in)] for row in SHAPE.tolist()], 16, GREY_ALPHA
    ),
    "colour and alpha": pictures.encoded(
        "PNG", Image.open(io.BytesIO(grey_alpha("WEBP", lossless=True)))
    ),
    "WebP": grey_alpha("WEBP", lossless=True),
    "GIF": gif(),
    "palette": raw_png(samples(0, 1), 8, PALETTE, b"\xff\0", bytes([0, 0, 0, 9, 9, 99])),
    "palette, 1 bit": raw_png(samples(0, 1), 1, PALETTE, b"\xfe\0", bytes([0, 0, 0, 0, 0, 0])),
    "grey, 1 bit": raw_png(samples(0, 1), 1, GREY, b"\0\1"),
    "grey, 2 bits": raw_png(samples(0, 1), 2, GREY, b"\0\1"),
    "grey, 4 bits": raw_png(samples(0, 6), 4, GREY, b"\0\6"),
    "grey, 4 bits, others set": raw_png(samples(0, 6), 4, GREY, b"\xff\xf6"),
    "grey, 8 bits": raw_png(samples(0, 77), 8, GREY, b"\0\x4d"),
    "grey, 8 bits, others set": raw_png(samples(0, 77), 8, GREY, b"\1\x4d"),
    "grey, 16 bits": raw_png(samples(0, 0x1234), 16, GREY, b"\x12\x34"),
    "colour": raw_png(coloured(0, 10, 20, 30), 8, COLOUR, bytes([0, 10, 0, 20, 0, 30])),
    "colour, others set": raw_png(coloured(0, 10, 20, 30), 8, COLOUR, bytes([3, 10, 3, 20, 3, 30])),
    "colour, 16 bits": raw_png(
        coloured(0, 0x0A0B, 0x1415, 0x1E1F), 16, COLOUR, bytes([10, 11, 20, 21, 30, 31])
    ),
}
"""
Each way in which a file says that something is clear (https://www.w3.org/TR/png-3/#11tRNS).

Bits of `tRNS` above the depth are to be ignored: browsers are tested for it
(https://searchfox.org/firefox-main/source/testing/web-platform/tests/png/trns-chunk.html).
"""


class TestModes:
    @pytest.mark.parametrize("kind", CLEAR_GROUNDS)
    def test_are_measured_as_a_browser_shows_them(self, kind: str) -> None:
        seen, expected = features(CLEAR_GROUNDS[kind]), features(png(AS_SEEN))

        assert seen.phashes[0] == expected.phashes[0]
        assert (seen.is_clear, expected.is_clear) == (True, False)
        for name, score in expected.scores.items():
            if name != "channels":
                assert seen.scores[name] == pytest.approx(score, abs=0.02), name

    @pytest.mark.parametrize("kind", CLEAR_GROUNDS)
    def test_stored_as_jpeg_look_as_they_were_measured(self, kind: str) -> None:
        wanted = Resize(ResizeMode.no, 0, format=StoredFormat.jpeg, quality=95)

        seen = describe(CLEAR_GROUNDS[kind], wanted)

        assert isinstance(seen, Features)
        assert seen.transformed is not None
        assert nearest(seen, features(seen.transformed.data)) <= 4

    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize("size", [48, 500])
    def test_stored_as_jpeg_lie_on_the_paper_they_were_measured_on(
        self, fill: tuple[int, int, int, int], size: int
    ) -> None:
        wanted = Resize(ResizeMode.keep_ratio, size, format=StoredFormat.jpeg, quality=95)

        seen = describe(png(icon("flag", fill)), wanted)

        assert isinstance(seen, Features)
        assert seen.transformed is not None
        stored = features(seen.transformed.data)
        assert seen.scores["brightness_mean"] == pytest.approx(
            stored.scores["brightness_mean"], abs=0.02
        )
        assert ((seen.phashes[0] ^ stored.phashes[0]) & (2**64 - 1)).bit_count() <= 6

    def test_of_half_clear_colours_are_mixed_with_the_paper(self) -> None:
        image = pictures.picture("P")
        data = png(image, transparency=bytes(range(0, 250, 10)))

        seen = features(data)

        copy = features(png(on_paper(Image.open(io.BytesIO(data)), "white")))
        assert (seen.phashes[:6], seen.scores) == (copy.phashes, copy.scores)

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_with_an_alpha_that_hides_nothing_are_opaque(self, mode: str) -> None:
        """https://github.com/hydrusnetwork/hydrus/issues/770."""
        opaque = pictures.picture("L").convert("RGB")

        seen, plain = features(png(opaque.convert(mode))), features(png(opaque))

        assert (seen.phashes, seen.pixel_hash) == (plain.phashes, plain.pixel_hash)
        assert not seen.is_clear

    @pytest.mark.parametrize(
        ("image_format", "mode"), [("GIF", "P"), ("PNG", "P"), ("PNG", "L"), ("PNG", "I;16")]
    )
    def test_that_name_no_clear_colour_are_opaque(self, image_format: str, mode: str) -> None:
        data = pictures.encoded(image_format, pictures.picture("L").convert(mode))

        assert not features(data).is_clear

    @pytest.mark.parametrize(
        "data",
        [
            raw_png(samples(0, 77), 8, GREY, b"\0\x4e"),
            raw_png(coloured(0, 10, 20, 30), 8, COLOUR, bytes([0, 10, 0, 20, 0, 31])),
            raw_png(samples(0, 1), 8, PALETTE, b"\xff\xff\0", bytes([0, 0, 0, 9, 9, 99, 1, 1, 1])),
        ],
        ids=["grey", "colour", "palette"],
    )
    def test_that_name_a_clear_colour_that_they_do_not_have_are_opaque(self, data: bytes) -> None:
        assert not features(data).is_clear

"""Sizes and offsets are those that img2dataset 1.47.0 gave for the same shapes."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from crawlset.imaging.resize import MAX_SIDE, layout, resize
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging.pictures import opened, picture, pixels

PHOTO = picture("RGB", (500, 375))
KEEP_RATIO = Resize(ResizeMode.keep_ratio, 256)
BORDER = Resize(ResizeMode.border, 256, format=StoredFormat.png, quality=6)


class TestLayout:
    @pytest.mark.parametrize(
        ("size", "short", "long"),
        [
            ((500, 375), (341, 256), (256, 192)),
            ((375, 500), (256, 341), (192, 256)),
            ((200, 150), (341, 256), (256, 192)),
            ((256, 256), (256, 256), (256, 256)),
            ((300, 7), (10971, 256), (256, 6)),
            ((257, 255), (258, 256), (256, 254)),
            ((513, 258), (509, 256), (256, 129)),
            ((333, 1000), (256, 769), (85, 256)),
            ((1024, 683), (384, 256), (256, 171)),
        ],
    )
    def test_scales_the_side_that_the_mode_means(
        self, size: tuple[int, int], short: tuple[int, int], long: tuple[int, int]
    ) -> None:
        places = {mode: layout(*size, Resize(mode, 256)) for mode in ResizeMode}

        assert {mode: place.canvas for mode, place in places.items()} == {
            "no": size,
            "border": (256, 256),
            "keep_ratio": short,
            "keep_ratio_largest": long,
            "center_crop": (256, 256),
        }
        assert (places[ResizeMode.border].width, places[ResizeMode.border].height) == long
        assert (places[ResizeMode.center_crop].width, places[ResizeMode.center_crop].height) == (
            short
        )

    def test_leaves_one_pixel_of_a_thin_picture(self) -> None:
        place = layout(1000, 1, Resize(ResizeMode.keep_ratio_largest, 256))

        assert place.canvas == (256, 1)

    def test_refuses_a_side_that_no_jpeg_has(self) -> None:
        with pytest.raises(ValueError, match="256000x256"):
            layout(1000, 1, KEEP_RATIO)

        assert MAX_SIDE < 1 << 16

    @pytest.mark.parametrize(
        ("size", "short", "long"),
        [
            ((200, 150), False, False),
            ((256, 256), False, False),
            ((257, 255), False, True),
            ((300, 7), False, True),
            ((500, 375), True, True),
        ],
    )
    def test_only_if_bigger_leaves_the_others_as_they_are(
        self, size: tuple[int, int], short: bool, long: bool
    ) -> None:
        changed = {
            mode: layout(*size, Resize(mode, 256, only_if_bigger=True)).canvas != size
            for mode in ResizeMode
        }

        assert changed == {
            "no": False,
            "border": long,
            "keep_ratio": short,
            "keep_ratio_largest": long,
            "center_crop": short,
        }

    @pytest.mark.parametrize(
        ("mode", "size", "corner"),
        [
            (ResizeMode.border, (500, 375), (0, 32)),
            (ResizeMode.border, (500, 373), (0, 32)),
            (ResizeMode.center_crop, (500, 375), (-42, 0)),
            (ResizeMode.center_crop, (373, 500), (0, -43)),
        ],
    )
    def test_centres_towards_the_top_left(
        self, mode: ResizeMode, size: tuple[int, int], corner: tuple[int, int]
    ) -> None:
        place = layout(*size, Resize(mode, 256))

        assert (place.left, place.top) == corner


class TestResize:
    def test_pads_with_white(self) -> None:
        dark = Image.new("RGB", (500, 375), (10, 200, 30))

        stored = pixels(opened(resize(dark, BORDER)))

        assert (stored[:32] == 255).all()
        assert (stored[224:] == 255).all()
        assert (stored[32:224] == (10, 200, 30)).all()

    def test_averages_the_area_that_a_pixel_covers(self) -> None:
        stripes = np.zeros((300, 300), np.uint8)
        stripes[:, ::3] = 255
        wanted = replace(BORDER, mode=ResizeMode.keep_ratio, size=100)

        stored = opened(resize(Image.fromarray(stripes), wanted))

        assert stored.mode == "L"
        assert set(stored.tobytes()) == {85}

    def test_crops_the_middle_of_what_it_scaled(self) -> None:
        whole = replace(BORDER, mode=ResizeMode.keep_ratio)
        middle = replace(BORDER, mode=ResizeMode.center_crop)

        scaled, cropped = (pixels(opened(resize(PHOTO, wanted))) for wanted in (whole, middle))

        assert (cropped == scaled[:, 42 : 42 + 256]).all()

    def test_scales_up_with_lanczos(self) -> None:
        small = PHOTO.crop((0, 0, 100, 80))
        wanted = replace(BORDER, mode=ResizeMode.keep_ratio)

        stored = opened(resize(small, wanted))

        assert stored.tobytes() == small.resize((320, 256), Image.Resampling.LANCZOS).tobytes()

    def test_pads_a_picture_scaled_up(self) -> None:
        small = Image.new("RGB", (100, 80), (1, 2, 3))

        stored = pixels(opened(resize(small, BORDER)))

        assert (stored[:25] == 255).all()
        assert (stored[25:230] == (1, 2, 3)).all()
        assert (stored[230:] == 255).all()

    def test_takes_the_size_from_the_file_of_a_picture_decoded_smaller(self) -> None:
        half = PHOTO.resize((501, 334))

        stored = resize(half, KEEP_RATIO, original=(1001, 668))

        assert (stored.width, stored.height) == (384, 256)

    def test_scales_a_very_large_picture_like_a_small_one(self) -> None:
        wanted = replace(BORDER, mode=ResizeMode.keep_ratio, size=16)
        large = picture("RGB", (1003, 751))
        expected = large.resize((21, 16), Image.Resampling.BOX)

        stored = opened(resize(large, wanted))

        assert np.abs(pixels(stored) - pixels(expected)).max() <= 2

    @pytest.mark.parametrize("image_format", list(StoredFormat))
    def test_stores_every_format(self, image_format: StoredFormat) -> None:
        wanted = replace(KEEP_RATIO, format=image_format, quality=9)

        stored = resize(PHOTO, wanted)

        assert opened(stored).size == (341, 256)
        assert stored == resize(PHOTO.copy(), wanted)

    @pytest.mark.parametrize("image_format", [StoredFormat.jpeg, StoredFormat.webp])
    def test_quality_costs_bytes_and_saves_pixels(self, image_format: StoredFormat) -> None:
        low, high = (
            resize(PHOTO, replace(KEEP_RATIO, format=image_format, quality=quality))
            for quality in (20, 95)
        )
        expected = pixels(PHOTO.resize((341, 256), Image.Resampling.BOX))

        assert len(low.data) < len(high.data)
        errors = [np.abs(pixels(opened(stored)) - expected).mean() for stored in (low, high)]
        assert errors[1] < errors[0]

    def test_compression_of_a_png_costs_no_pixel(self) -> None:
        stored = [resize(PHOTO, replace(BORDER, quality=quality)) for quality in (0, 9)]

        assert len(stored[1].data) < len(stored[0].data)
        assert opened(stored[0]).tobytes() == opened(stored[1]).tobytes()

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
    @pytest.mark.parametrize("image_format", list(StoredFormat))
    def test_takes_every_kind_of_pixel(self, mode: str, image_format: StoredFormat) -> None:
        grey = mode in {"1", "L", "I;16"} and image_format != StoredFormat.webp
        image = Image.new("I;16", (500, 375), 200 << 8) if mode == "I;16" else PHOTO.convert(mode)

        stored = opened(resize(image, replace(KEEP_RATIO, format=image_format, quality=9)))

        assert stored.size == (341, 256)
        assert (stored.mode == "L") is grey

    def test_keeps_the_high_byte_of_16_bits(self) -> None:
        image = Image.new("I;16", (500, 375), (200 << 8) + 255)

        assert set(opened(resize(image, BORDER)).tobytes()) == {200, 255}


class TestAlpha:
    image = Image.new("RGBA", (512, 512), (255, 0, 0, 255))
    image.paste((0, 255, 0, 0), (0, 0, 256, 512))
    image.paste((0, 0, 0, 128), (0, 0, 512, 256))

    @pytest.mark.parametrize(("image_format", "quality"), [("png", 6), ("webp", 100)])
    def test_stays_where_the_format_has_it(self, image_format: str, quality: int) -> None:
        wanted = Resize(
            ResizeMode.keep_ratio, 256, format=StoredFormat(image_format), quality=quality
        )

        stored = opened(resize(self.image, wanted))

        assert stored.mode == "RGBA"
        alpha = pixels(stored.getchannel("A"))
        assert [alpha[60, 60], alpha[200, 60], alpha[200, 200]] == [128, 0, 255]

    def test_does_not_let_hidden_colours_shine_in(self) -> None:
        image = Image.new("RGBA", (300, 300), (255, 0, 0, 255))
        image.paste((0, 255, 0, 0), (0, 0, 149, 300))
        wanted = replace(BORDER, mode=ResizeMode.keep_ratio, size=100)

        stored = pixels(opened(resize(image, wanted)))

        assert (stored[:, 49] == (255, 0, 0, 85)).all()

    def test_becomes_white_in_a_jpeg(self) -> None:
        stored = pixels(opened(resize(self.image, KEEP_RATIO)))

        assert np.abs(stored[200, 60] - (255, 255, 255)).max() <= 2
        assert np.abs(stored[60, 60] - (127, 127, 127)).max() <= 2
        assert np.abs(stored[200, 200] - (255, 0, 0)).max() <= 2

    def test_of_a_palette_counts(self) -> None:
        image = Image.new("P", (300, 300), 1)
        image.putpalette([0, 0, 0, 9, 9, 9])
        image.info["transparency"] = 1

        assert pixels(opened(resize(image, KEEP_RATIO))).min() >= 254

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageCms

from crawlset.imaging import jpeg
from crawlset.imaging.features import Transformed
from crawlset.imaging.jpeg_segments import About, profile, unconverted
from crawlset.imaging.resize import can_keep_planes, resize, resize_planes
from crawlset.resizing import Resize, ResizeMode, StoredFormat
from tests.unit.imaging.pictures import encoded, opened, picture, pixels

PHOTO = picture("RGB", (500, 375))
KEEP_RATIO = Resize(ResizeMode.keep_ratio, 256)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>rights</x:xmpmeta>"


def by_planes(data: bytes, wanted: Resize, about: About | None = None) -> Transformed:
    """As the decoder goes about it."""
    header = jpeg.read_header(data)
    size = header.width, header.height
    _, _, _, subsampling = simplejpeg.decode_jpeg_header(data)
    if header.mode == "L":
        raw, subsampling = simplejpeg.decode_jpeg(data, "GRAY"), "444"
    else:
        data, _ = unconverted(data)
        raw = simplejpeg.decode_jpeg(data, "RGB", fastupsample=True)
    return resize_planes(raw, subsampling, size, size, wanted, about or About())


class TestResizePlanes:
    @pytest.mark.parametrize("mode", [m for m in ResizeMode if m != ResizeMode.no])
    @pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
    @pytest.mark.parametrize("size", [(500, 375), (501, 377), (333, 700)])
    def test_looks_as_if_it_had_been_decoded(
        self, mode: ResizeMode, subsampling: str, size: tuple[int, int]
    ) -> None:
        wanted = Resize(mode, 255)
        data = encoded("JPEG", _colourful(size), quality=95, subsampling=subsampling)
        decoded = resize(Image.open(io.BytesIO(data)), wanted)

        stored = by_planes(data, wanted)

        difference = np.abs(pixels(opened(stored)) - pixels(opened(decoded)))
        assert difference.mean() < 1
        assert np.percentile(difference, 99) <= 4

    def test_pads_with_white(self) -> None:
        data = encoded("JPEG", Image.new("RGB", (500, 373), (10, 200, 30)), quality=95)

        stored = pixels(opened(by_planes(data, Resize(ResizeMode.border, 256))))

        assert (stored[:30] >= 254).all()
        assert (stored[226:] >= 254).all()
        assert np.abs(stored[40:216] - (10, 200, 30)).max() <= 3

    def test_takes_a_grey_picture(self) -> None:
        stored = opened(by_planes(encoded("JPEG", PHOTO.convert("L")), KEEP_RATIO))

        assert stored.mode == "L"
        assert stored.size == (341, 256)

    @pytest.mark.parametrize("size", [255, 256])
    def test_gives_the_same_bytes_whatever_was_in_memory(self, size: int) -> None:
        data = encoded("JPEG", PHOTO)
        wanted = replace(KEEP_RATIO, size=size)

        stored = set()
        for filling in range(8):
            _fill_free_memory(filling, size * (size * 4 // 3))
            stored.add(by_planes(data, wanted))

        assert len(stored) == 1

    def test_takes_a_picture_decoded_at_a_smaller_scale(self) -> None:
        data = encoded("JPEG", _colourful((1001, 751)), quality=95)
        marked, _ = unconverted(data)
        half = simplejpeg.decode_jpeg(
            marked, "RGB", fastupsample=True, min_width=501, min_height=376
        )

        stored = resize_planes(half, "444", (500.5, 375.5), (1001, 751), KEEP_RATIO)

        whole = by_planes(data, KEEP_RATIO)
        assert np.abs(pixels(opened(stored)) - pixels(opened(whole))).mean() < 1

    @pytest.mark.parametrize(
        ("subsampling", "size", "changes", "expected"),
        [
            ("420", (500, 375), {}, True),
            ("420", (200, 150), {}, False),
            ("420", (500, 375), {"mode": ResizeMode.no}, False),
            ("420", (500, 375), {"format": StoredFormat.png}, False),
            ("441", (500, 375), {}, False),
        ],
    )
    def test_is_for_jpegs_that_become_smaller_jpegs(
        self, subsampling: str, size: tuple[int, int], changes: dict[str, Any], expected: bool
    ) -> None:
        assert can_keep_planes(subsampling, size, replace(KEEP_RATIO, **changes)) is expected


class TestUnconverted:
    @pytest.mark.parametrize("progressive", [False, True])
    def test_keeps_luma_as_a_grey_decode_gives_it(self, progressive: bool) -> None:
        data = encoded("JPEG", PHOTO, progressive=progressive)
        scan = jpeg.read_header(data).scan

        marked, new_scan = unconverted(data)

        assert marked[new_scan:] == data[scan:]
        raw = simplejpeg.decode_jpeg(marked, "RGB", fastupsample=True)
        assert (raw[:, :, :1] == simplejpeg.decode_jpeg(data, "GRAY")).all()


class TestAbout:
    @pytest.mark.parametrize("image_format", list(StoredFormat))
    def test_goes_along(self, image_format: StoredFormat) -> None:
        wanted = replace(KEEP_RATIO, format=image_format, quality=9)

        stored = opened(resize(PHOTO, wanted, About(PACKET, PROFILE)))

        assert stored.info["icc_profile"] == PROFILE
        assert stored.info["xmp"] == PACKET

    def test_goes_along_with_planes(self) -> None:
        about = About(PACKET, PROFILE)

        stored = opened(by_planes(encoded("JPEG", PHOTO), KEEP_RATIO, about))

        assert stored.info["icc_profile"] == PROFILE
        assert stored.info["xmp"] == PACKET

    def test_of_other_pixels_keeps_no_profile(self) -> None:
        grey = resize(PHOTO.convert("L"), KEEP_RATIO, About(PACKET, PROFILE))

        stored = opened(grey)

        assert "icc_profile" not in stored.info
        assert stored.info["xmp"] == PACKET

    def test_may_take_several_segments(self) -> None:
        large = PROFILE + bytes(100_000)

        stored = resize(PHOTO, KEEP_RATIO, About(None, large))

        assert opened(stored).info["icc_profile"] == large
        assert profile(stored.data) == large

    def test_that_fits_in_no_segment_stays_out(self) -> None:
        stored = resize(PHOTO, KEEP_RATIO, About(bytes(70_000), bytes(17_000_000)))

        assert stored == resize(PHOTO, KEEP_RATIO)


def _fill_free_memory(value: int, about: int) -> None:
    for n_bytes in range(about - 64, about + 64, 16):
        np.full(n_bytes, value, np.uint8)


def _colourful(size: tuple[int, int]) -> Image.Image:
    return Image.merge(
        "RGB",
        [
            picture("L", size),
            picture("L", size).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            picture("L", size).transpose(Image.Transpose.ROTATE_180),
        ],
    )

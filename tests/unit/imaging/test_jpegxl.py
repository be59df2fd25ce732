"""
JPEG XL files as `cjxl` writes them: animated, and with metadata that Brotli packed.

A `brob` box begins with the kind of the box that it holds, packed behind it; `cjxl` offers it as
`--compress_boxes` (https://github.com/libjxl/libjxl/issues/3128), darktable and others write it.
"""

import struct

import imagecodecs
import numpy as np
import pytest

from crawlset.imaging.decode import describe
from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.xmp import MAX_BYTES
from crawlset.outcomes import Outcome
from tests.unit.imaging import files
from tests.unit.imaging.xmp_packets import AS_ATTRIBUTE, packet

EXIF = (
    bytes(4) + b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", 0x010F, 2, 4, b"Acm\0") + bytes(4)
)


def packed(kind: bytes, body: bytes) -> bytes:
    content = kind + imagecodecs.brotli_encode(body)
    return struct.pack(">I4s", 8 + len(content), b"brob") + content


def features(data: bytes) -> Features:
    seen = describe(data)
    assert isinstance(seen, Features), seen
    return seen


def animation(n_frames: int, side: int) -> bytes:
    frames = np.zeros((n_frames, side, side, 3), np.uint8)
    frames[:, : side // 2] = np.arange(n_frames)[:, None, None, None]
    return bytes(imagecodecs.jpegxl_encode(frames, effort=1))


class TestMetadata:
    def test_are_unpacked(self) -> None:
        whole = files.jxl(files.picture(), usecontainer=True)

        seen = features(whole + packed(b"xml ", packet(AS_ATTRIBUTE)) + packed(b"Exif", EXIF))

        assert seen.data_mining == "DMI-PROHIBITED"
        assert seen.embedded == {"make": "Acm"}

    @pytest.mark.parametrize(
        "broken",
        [
            packed(b"xml ", bytes(MAX_BYTES + 1)),
            packed(b"xml ", b""),
            struct.pack(">I4s", 16, b"brob") + b"xml nons",
            struct.pack(">I4s", 8, b"brob"),
        ],
        ids=["a bomb", "nothing", "nonsense", "no kind"],
    )
    def test_that_cannot_be_unpacked_say_nothing(self, broken: bytes) -> None:
        whole = files.jxl(files.picture(), usecontainer=True)

        assert features(whole + broken).data_mining is None
        seen = features(whole + broken + packed(b"xml ", packet(AS_ATTRIBUTE)))
        assert seen.data_mining == "DMI-PROHIBITED"


class TestAnimations:
    """libjxl says where each frame that is shown begins, and decodes none for that:
    https://docs.rs/libjxl-sys/latest/libjxl_sys/constant.JXL_DEC_FRAME.html
    """

    @pytest.mark.parametrize("n_frames", [2, 5, 49])
    def test_are_counted(self, n_frames: int) -> None:
        seen = features(animation(n_frames, 64))

        assert (seen.width, seen.height, seen.n_frames) == (64, 64, n_frames)

    def test_of_too_many_pixels_are_bombs(self) -> None:
        data = animation(51, 1000)
        assert len(data) < 1 << 20

        seen = describe(data)

        assert seen == Rejection(Outcome.decompression_bomb, "1000x1000, 51 frames")

    def test_that_end_early_are_truncated(self) -> None:
        data = animation(5, 64)

        seen = describe(data[: len(data) // 9])

        assert isinstance(seen, Rejection)
        assert seen.outcome == Outcome.truncated

"""Which pictures a job takes, and how they are stored: their size and their format."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

ImageFormat = Literal[
    "jpeg", "png", "webp", "gif", "avif", "bmp", "ico", "tiff", "heic", "jp2", "jxl"
]
EXTENSIONS: dict[str, str] = {name: name for name in get_args(ImageFormat)} | {"jpeg": "jpg"}
"""Every format that is decoded, with what the name of a file in it ends in."""
BROWSER_FORMATS: tuple[ImageFormat, ...] = ("jpeg", "png", "webp", "gif", "avif", "bmp", "ico")
"""
What every browser shows, and a job takes if it does not say which.

Of the others each is shown by Safari only, or by none
(https://developer.mozilla.org/docs/Web/Media/Guides/Formats/Image_types).
"""


class ResizeMode(StrEnum):
    """How a picture is brought to size; the words and meanings of img2dataset."""

    no = "no"
    border = "border"
    keep_ratio = "keep_ratio"
    keep_ratio_largest = "keep_ratio_largest"
    center_crop = "center_crop"


class StoredFormat(StrEnum):
    jpeg = "jpeg"
    png = "png"
    webp = "webp"


@dataclass(frozen=True, slots=True)
class Resize:
    """What to store in place of the bytes received; `mode` no re-encodes at the size it has."""

    mode: ResizeMode
    size: int
    """Pixels of the side that `mode` means."""
    only_if_bigger: bool = False
    format: StoredFormat = StoredFormat.jpeg
    quality: int = 95
    """1 to 100 for JPEG and WebP; 0 to 9 is PNG's compression."""


_PNG_COMPRESSION = 6


@dataclass(frozen=True, slots=True)
class Intake:
    """Which formats a job takes, and what becomes of the others."""

    formats: tuple[ImageFormat, ...] = BROWSER_FORMATS
    transcode: StoredFormat | None = None
    """Pictures in other formats are stored in this one; None: they are refused."""

    def takes(self, image_format: str) -> bool:
        return image_format in self.formats or self.transcode is not None

    def wanted(self, image_format: str, resize: Resize | None) -> Resize | None:
        """What to make of a picture that is taken; `resize` re-encodes whatever it is."""
        if resize is not None or image_format in self.formats or self.transcode is None:
            return resize
        if self.transcode is StoredFormat.png:
            return Resize(ResizeMode.no, 0, format=self.transcode, quality=_PNG_COMPRESSION)
        return Resize(ResizeMode.no, 0, format=self.transcode)

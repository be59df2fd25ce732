"""How pictures are stored: their size and their format."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

ImageFormat = Literal["jpeg", "png", "webp", "gif"]
EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif"}
"""Every format that is stored, with what the name of a file in it ends in."""


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

"""
What a decoding child is asked and what it answers; the parent imports this and no decoder.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from crawlset.outcomes import Outcome


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


@dataclass(frozen=True, slots=True)
class Transformed:
    """The picture as it is to be stored."""

    data: bytes
    format: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Features:
    """What one decode tells; sides as encoded, before the EXIF orientation is applied."""

    format: str
    width: int
    height: int
    mode: str
    n_frames: int
    orientation: int | None
    phashes: tuple[int, int, int, int]
    """Perceptual hashes, signed 64 bits: whole, mirrored, without its outer 5 %, its outer 10 %."""
    dhash: int
    scores: dict[str, float]
    warning: str | None = None
    """What the decoder found odd and could mend without loss."""
    data_mining: str | None = None
    """`plus:DataMining` of the XMP in the file: the last part of its value, `DMI-PROHIBITED`."""
    transformed: Transformed | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    outcome: Outcome
    detail: str


def resize_from(message: dict[str, Any] | None) -> Resize | None:
    """A `Resize` from its JSON; raises `ValueError`, `TypeError` or `KeyError` on anything else."""
    if message is None:
        return None
    fields = dict(message)
    return Resize(
        mode=ResizeMode(fields.pop("mode")),
        format=StoredFormat(fields.pop("format", StoredFormat.jpeg)),
        **fields,
    )


def resize_message(resize: Resize | None) -> dict[str, Any] | None:
    return asdict(resize) if resize is not None else None

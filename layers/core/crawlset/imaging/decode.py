"""
Verify an image by decoding it once, and describe what was seen.

Runs in a child process (`decode_worker`), because a decoder is the part of a crawler that an
attacker writes the input for.
"""

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from crawlset.imaging.phash import Box, dhash, phash, signed
from crawlset.imaging.sniff import TruncatedError, probe, sniff, sniff_other
from crawlset.outcomes import Outcome

MAX_PIXELS = 50_000_000
"""Width x height x frames; imgproxy's limit."""
MIN_GREY_SIDE = 64
"""Pixels left of the short side when a JPEG is decoded small: hashes then equal full-size ones."""
_ORIENTATION = 0x0112
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
}

ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Features:
    """What one decode tells; sides as encoded, before the EXIF orientation is applied."""

    format: str
    width: int
    height: int
    mode: str
    n_frames: int
    orientation: int | None
    phash: int
    dhash: int


@dataclass(frozen=True, slots=True)
class Rejection:
    outcome: Outcome
    detail: str


def describe(data: bytes) -> Features | Rejection:
    """Decode `data`; whatever the bytes are, the answer is what is wrong with them."""
    image_format = sniff(data)
    if image_format is None:
        other = sniff_other(data)
        if other is not None:
            return Rejection(Outcome.unsupported_format, other)
        return Rejection(Outcome.not_image, "no image signature" if data else "empty body")
    try:
        header = probe(data, image_format, MAX_PIXELS)
        if header.width * header.height * header.n_frames > MAX_PIXELS:
            size = f"{header.width}x{header.height}, {header.n_frames} frames"
            return Rejection(Outcome.decompression_bomb, size)
        return _decode(data, image_format, header.n_frames)
    except Exception as error:  # noqa: BLE001, a decoder may raise anything on hostile bytes
        return _rejection(error)


def as_message(result: Features | Rejection) -> dict[str, Any]:
    """`result` as JSON data; `from_message` is its inverse."""
    return asdict(result)


def from_message(message: dict[str, Any]) -> Features | Rejection:
    if "outcome" in message:
        return Rejection(Outcome(message["outcome"]), message["detail"])
    return Features(**message)


def _decode(data: bytes, image_format: str, n_frames: int) -> Features:
    image = _OPENERS[image_format](io.BytesIO(data))
    width, height = image.size
    mode = image.mode
    orientation = _orientation(image)
    box = _draft(image) if image_format == "jpeg" else None
    image.load()
    grey = _grey(image)
    return Features(
        image_format,
        width,
        height,
        mode,
        n_frames,
        orientation,
        signed(phash(grey, box)),
        signed(dhash(grey, box)),
    )


def _draft(image: ImageFile.ImageFile) -> Box:
    """
    Have a JPEG decoded at the smallest DCT scale that leaves `MIN_GREY_SIDE` pixels.

    The box is the part of the small image that the large one covers: libjpeg rounds sides up.
    """
    width, height = image.size
    scale = next((s for s in (8, 4, 2) if min(width, height) // s >= MIN_GREY_SIDE), 1)
    image.draft("L", (width // scale, height // scale))
    return (0, 0, width / scale, height / scale)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        high_byte = 0 if image.mode == "I;16B" else 1
        return Image.frombytes("L", image.size, image.tobytes()[high_byte::2])
    return image if image.mode == "L" else image.convert("L")


def _orientation(image: Image.Image) -> int | None:
    """EXIF orientation 1 to 8; a broken EXIF block is no reason to lose a picture."""
    if "exif" not in image.info:
        return None
    try:
        value = image.getexif().get(_ORIENTATION)
    except (SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError, struct.error):
        return None
    return value if isinstance(value, int) and 1 <= value <= 8 else None  # noqa: PLR2004


def _rejection(error: Exception) -> Rejection:
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        return Rejection(Outcome.decompression_bomb, "needs more memory than a decoder gets")
    if isinstance(error, Image.DecompressionBombWarning):
        outcome = Outcome.decompression_bomb
    elif isinstance(error, TruncatedError | EOFError) or "truncated" in message.lower():
        outcome = Outcome.truncated
    else:
        outcome = Outcome.decode_error
    return Rejection(outcome, message[:200])

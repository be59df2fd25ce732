"""The small upright picture, on paper if it can be seen through, that measures are taken from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from crawlset.imaging import paper
from crawlset.imaging.hashes import pixel_hash
from crawlset.imaging.opening import Decoded
from crawlset.imaging.orientation import Box, upright_picture, upright_pixels, upright_size
from crawlset.imaging.scales import reduction

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Miniature:
    """A picture as its measures see it."""

    grey: np.ndarray
    """Height x width."""
    chroma: np.ndarray | None
    """Cb and Cr, height x width x 2; None of a picture of one channel."""
    box: Box
    """What the picture covers of the pixels: making it small rounds sides up."""
    pixel_hash: int
    otherwise: np.ndarray | None = None
    """`grey` on the other paper, if a shape is to be seen there as well."""
    is_clear: bool = False
    """Whether any of it can be seen through."""


def miniature(decoded: Decoded) -> Miniature:
    """Make what was decoded small and set it upright."""
    if isinstance(decoded.picture, Image.Image):
        return _of_picture(upright_picture(decoded.picture, decoded.orientation))
    return _of_pixels(decoded, decoded.picture)


def _of_pixels(decoded: Decoded, pixels: np.ndarray) -> Miniature:
    """Small already, as a rule: a JPEG is decoded at a scale."""
    factors = reduction(decoded.width, decoded.height, decoded.eighths)
    box = _covered(decoded.width, decoded.height, decoded.eighths, factors)
    if factors != (1, 1):
        whole = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])
        reduced = np.asarray(whole.reduce(factors))
        pixels = reduced.reshape(*reduced.shape[:2], -1)
    pixels, box = upright_pixels(pixels, box, decoded.orientation)
    size = upright_size(decoded.width, decoded.height, decoded.orientation)
    hashed = pixel_hash(size, [pixels])
    if decoded.subsampling is None and pixels.shape[2] > 1:
        return Miniature(*_separated(Image.fromarray(pixels)), box, hashed)
    chroma = pixels[:, :, 1:] if pixels.shape[2] > 1 else None
    return Miniature(np.ascontiguousarray(pixels[:, :, 0]), chroma, box, hashed)


def _of_picture(picture: Image.Image) -> Miniature:
    picture = paper.plain(picture)
    factors = reduction(*picture.size)
    box = _covered(*picture.size, 8, factors)
    hashed = pixel_hash(picture.size, _strips(picture))
    if picture.mode != "RGBA":
        return Miniature(*_separated(picture.reduce(factors)), box, hashed)
    first, *others = paper.small_on_papers(picture).values()
    otherwise = np.asarray(others[0].convert("L")) if others else None
    return Miniature(*_separated(first), box, hashed, otherwise, is_clear=True)


def _covered(width: int, height: int, eighths: int, factors: tuple[int, int]) -> Box:
    across, down = factors
    return 0.0, 0.0, width * eighths / 8 / across, height * eighths / 8 / down


def _separated(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Grey and chroma of an `image` in mode L or RGB."""
    if image.mode == "L":
        return np.asarray(image), None
    return np.asarray(image.convert("L")), np.asarray(image.convert("YCbCr"))[:, :, 1:]


def _strips(picture: Image.Image) -> Iterator[bytes]:
    """All pixels in 8 bits a channel: what looks the same is the same, whatever its mode."""
    mode = "RGBa" if picture.mode == "RGBA" else "RGB"
    for top in range(0, picture.height, _ROWS_AT_ONCE):
        bottom = min(top + _ROWS_AT_ONCE, picture.height)
        yield picture.crop((0, top, picture.width, bottom)).convert(mode).tobytes()

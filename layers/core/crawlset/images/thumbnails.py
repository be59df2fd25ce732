"""Small pictures of stored images, made when they are asked for."""

from functools import cache

from crawlset.errors import UnprocessableError
from crawlset.imaging.features import Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.models import Image
from crawlset.resizing import Resize, ResizeMode

QUALITY = 80


class NoThumbnailError(UnprocessableError):
    def __init__(self, image: Image, reason: str) -> None:
        super().__init__(f"No thumbnail can be made of image {image.id}: {reason}.")


@cache
def decode_pool() -> DecodePool:
    """One decoding child, which outlives an invocation as the function itself does."""
    return DecodePool(1)


def thumbnail(image: Image, data: bytes, size: int) -> bytes:
    """
    A JPEG of `data`, upright, whose longer side has at most `size` pixels.

    Raises:
        NoThumbnailError: the decoder makes nothing of it.
    """
    wanted = Resize(ResizeMode.keep_ratio_largest, size, only_if_bigger=True, quality=QUALITY)
    (made,) = decode_pool().decode_all([data], wanted)
    if isinstance(made, Rejection):
        raise NoThumbnailError(image, made.detail)
    if made.transformed is None:
        raise NoThumbnailError(image, "the decoder left it as it is")
    return made.transformed.data

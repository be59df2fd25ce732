"""Where the bytes of a stored image are, and the bytes themselves."""

from typing import NamedTuple

from crawlset.errors import ConflictError
from crawlset.kit import objects
from crawlset.models import Image


class ImageNotStoredError(ConflictError):
    def __init__(self, image: Image) -> None:
        super().__init__(f"Image {image.id} is {image.status}: nothing of it is stored.")


class Stored(NamedTuple):
    """Where the bytes of an image are."""

    pack_key: str
    offset: int
    length: int


def require_stored(image: Image) -> Stored:
    """
    Raises:
        ImageNotStoredError: there are no bytes of it.
    """
    if image.pack_key is None or image.pack_offset is None or not image.pack_length:
        raise ImageNotStoredError(image)
    return Stored(image.pack_key, image.pack_offset, image.pack_length)


def bytes_of(image: Image) -> bytes:
    """
    The bytes that are stored of it.

    Raises:
        ImageNotStoredError: there are none.
    """
    stored = require_stored(image)
    return objects.get_range(stored.pack_key, stored.offset, stored.length)

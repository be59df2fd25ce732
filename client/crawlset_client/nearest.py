"""Images that were found by a text or by another image."""

from crawlset_client.models import Image, Record


class NearestImage(Record, kw_only=True):
    similarity: float
    """Cosine of its vector and the one that was asked with, -1 to 1."""
    image: Image


class NearestImages(Record, kw_only=True):
    """Stored images, the nearest first, and how many were looked at."""

    items: list[NearestImage]
    measurer: str
    version: str
    n_compared: int
    n_stored: int
    is_complete: bool
    """False if the service's time ran out before all vectors were read."""

"""Asking whether a picture has changed since an earlier fetch, and telling how."""

from typing import TypeGuard

from crawlset.fetching.answer import Headers
from crawlset.imaging.colours import differ, unpacked
from crawlset.outcomes import Change
from crawlset.wire.chunks import Known

SAME_PICTURE_BITS = 4
"""Perceptual hashes no further apart are of one picture, encoded anew."""
_MASK = (1 << 64) - 1
_MAX_LENGTH = 200


def conditions(known: Known | None) -> tuple[str, ...]:
    """The request headers that ask for a body only if it is not the one we know."""
    if known is None:
        return ()
    fields = (("If-None-Match", known.etag), ("If-Modified-Since", known.last_modified))
    return tuple(f"{name}: {value}" for name, value in fields if _is_sound(value))


def validators(headers: Headers, known: Known | None) -> tuple[str | None, str | None]:
    """ETag and Last-Modified of an answer; those we know when it is a 304 that names none."""
    etag = headers.first("etag")
    last_modified = headers.first("last-modified")
    if etag is None and last_modified is None and known is not None:
        return known.etag, known.last_modified
    return (
        etag if _is_sound(etag) else None,
        last_modified if _is_sound(last_modified) else None,
    )


def compare(
    known: Known, phash: int, colours: int | None = None, *, is_turned_or_clear: bool = False
) -> Change:
    """
    How a picture of other bytes differs from the one we know.

    Of one that is stored turned or can be seen through, the hash was another before colours were
    measured: where all we know is such a hash, nothing says that the picture is another.
    """
    if known.phash is None:
        return Change.replaced
    if known.colours is None and is_turned_or_clear:
        return Change.same_picture
    distance = ((phash ^ known.phash) & _MASK).bit_count()
    if distance > SAME_PICTURE_BITS or _differ(known.colours, colours):
        return Change.replaced
    return Change.same_picture


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and differ(unpacked(one), unpacked(other))


def _is_sound(value: str | None) -> TypeGuard[str]:
    """Whether it can be kept and sent back as it is: a part of it would match nothing."""
    return (
        value is not None
        and 0 < len(value) <= _MAX_LENGTH
        and value.isascii()
        and value.isprintable()
    )

"""
Items of a HEIC whose kind or content type is no text, decoded by a child, which must not crash.

`pi_heif` makes text of both for each item of metadata and does not ask whether it could: the
function `_CtxImage_metadata` of
https://github.com/bigcat88/pillow_heif/blob/master/pillow_heif/_pillow_heif.c hands on what
`PyUnicode_FromString` gave, which is nothing for bytes that are no UTF-8.
"""

from collections.abc import Iterator

import pytest

from crawlset.imaging.features import Features
from crawlset.imaging.pool import DecodePool
from tests.unit.imaging import files, pictures
from tests.unit.imaging.xmp_packets import AS_RESOURCE, packet

EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
XMP = packet(AS_RESOURCE)
HEIC = pictures.encoded("HEIF", files.picture(), exif=EXIF, xmp=XMP)
TYPE = b"application/rdf+xml"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    pool = DecodePool(1)
    yield pool
    pool.close()


def features(pool: DecodePool, data: bytes) -> Features:
    (seen,) = pool.decode_all([data])
    assert isinstance(seen, Features), seen
    return seen


def with_kind(kind: bytes) -> bytes:
    """The kind of the item of EXIF is another."""
    at = HEIC.index(b"Exif", HEIC.index(b"iinf"))
    return HEIC[:at] + kind + HEIC[at + 4 :]


@pytest.mark.parametrize(
    "data",
    [
        HEIC.replace(TYPE, TYPE[:-1] + b"\xe9"),
        HEIC.replace(TYPE, b"\xff" * len(TYPE)),
        HEIC.replace(TYPE, b"\xed\xa0\x80" + TYPE[3:]),
        with_kind(b"Exi\xe9"),
        with_kind(b"\xc3\x28\xa0\xa1"),
        with_kind(b"Ex\xf0\x9f"),
    ],
    ids=["latin-1", "no character", "half a pair", "kind", "kind of nothing", "kind cut off"],
)
def test_are_passed_over(pool: DecodePool, data: bytes) -> None:
    seen = features(pool, data)

    assert seen.warning == "an item whose kind is no text"
    assert seen.pixel_hash == features(pool, HEIC).pixel_hash


def test_do_not_cost_the_other_metadata(pool: DecodePool) -> None:
    assert features(pool, with_kind(b"Exi\xe9")).data_mining == "DMI-ALLOWED"


def test_that_are_text_are_sound(pool: DecodePool) -> None:
    named = HEIC.replace(TYPE, "application/é+xml".encode().ljust(len(TYPE), b"\0"))

    assert [features(pool, each).warning for each in (HEIC, named)] == [None, None]

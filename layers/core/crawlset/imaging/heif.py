"""How large the pictures of an AVIF or HEIC are, and how many."""

import struct
from collections.abc import Iterator
from itertools import chain

from crawlset.imaging import av1
from crawlset.imaging.heif_items import items, places
from crawlset.imaging.iso_boxes import Box, boxes, within
from crawlset.imaging.sniff import MalformedImageError, Probe, TruncatedError

_PICTURES = frozenset({b"av01", b"hvc1", b"grid", b"iden", b"iovl", b"unci", b"jpeg", b"avc1"})
"""Kinds of items that are pictures."""
_NOT_SHOWN = frozenset({b"thmb", b"auxl"})
"""What an item refers to another as when it is not a picture of its own."""
_MADE_OF = b"dimg"
"""How a picture refers to those that it is put together from."""
_MAX_SHARED = 4
"""How often a file's length its pictures have together, at most: some share their bytes."""


def probe(data: bytes, max_pixels: int) -> Probe:
    """
    The largest picture that a property, a track or AV1 itself speaks of, and how many there are.

    libheif refuses HEVC that is larger than its property says; libavif decodes AV1 that is.
    """
    sizes: list[tuple[int, int]] = []
    counts = [1]
    has_data = False
    for box in boxes(data, 0, len(data)):
        if box.kind == b"meta":
            found = within(data, box.start + 4, box.stop)
            sizes += chain(_sizes(data, found), _coded_sizes(data, found))
            counts.append(_n_pictures(data, found))
            has_data = has_data or b"idat" in found
        elif box.kind == b"moov":
            sides, n_samples = _tracks(data, box)
            sizes += sides
            counts.append(n_samples)
        has_data = has_data or box.kind == b"mdat"
    if not has_data:
        raise TruncatedError("the file ends before its data")
    width, height = max(sizes, key=_area, default=(0, 0))
    if not width or not height:
        raise MalformedImageError("no picture in it")
    return Probe(width, height, min(max(counts), max_pixels + 1))


def _area(sides: tuple[int, int]) -> int:
    return sides[0] * sides[1]


def _sizes(data: bytes, meta: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Sizes that the `ispe` properties of items say."""
    if b"iprp" not in meta:
        return
    for container in boxes(data, meta[b"iprp"].start, meta[b"iprp"].stop):
        if container.kind == b"ipco":
            for box in boxes(data, container.start, container.stop):
                if box.kind == b"ispe":
                    yield struct.unpack_from(">II", data, box.start + 4)


def _coded_sizes(data: bytes, meta: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Sizes that items of AV1 say themselves."""
    pictures = {item.number for item in items(data, meta) if item.kind == b"av01"}
    n_bytes = 0
    for number, extents in places(data, meta) if pictures else ():
        if number in pictures:
            coded = b"".join(data[each.start : each.stop] for each in extents)
            n_bytes += len(coded)
            if n_bytes > _MAX_SHARED * len(data):
                raise MalformedImageError("pictures that lie in each other")
            yield from av1.sizes(coded)


def _n_pictures(data: bytes, meta: dict[bytes, Box]) -> int:
    """How many items are pictures to be shown: neither parts of one, nor thumbnails, nor alpha."""
    unseen = _not_shown(data, meta[b"iref"]) if b"iref" in meta else set()
    return sum(
        item.kind in _PICTURES and not item.is_hidden and item.number not in unseen
        for item in items(data, meta)
    )


def _not_shown(data: bytes, references: Box) -> set[int]:
    """Thumbnails and alpha, which refer to their picture; and tiles, which a grid refers to."""
    code = "H" if data[references.start] == 0 else "I"
    unseen: set[int] = set()
    for box in boxes(data, references.start + 4, references.stop):
        item, n_others = struct.unpack_from(f">{code}H", data, box.start)
        if box.kind in _NOT_SHOWN:
            unseen.add(item)
        elif box.kind == _MADE_OF:
            start = box.start + struct.calcsize(f">{code}H")
            unseen.update(struct.unpack_from(f">{n_others}{code}", data, start))
    return unseen


def _tracks(data: bytes, moov: Box) -> tuple[list[tuple[int, int]], int]:
    """Sides of the tracks of a sequence, and how many frames one has at most."""
    sides, counts = [], [0]
    for track in boxes(data, moov.start, moov.stop):
        if track.kind != b"trak":
            continue
        found = within(data, track.start, track.stop)
        if b"tkhd" in found:
            width, height = struct.unpack_from(">II", data, found[b"tkhd"].stop - 8)
            sides.append((width >> 16, height >> 16))
        for kind in (b"mdia", b"minf", b"stbl"):
            box = found.get(kind)
            found = within(data, box.start, box.stop) if box else {}
        if b"stsz" in found:
            counts.append(struct.unpack_from(">I", data, found[b"stsz"].start + 8)[0])
            sides += _coded_in_track(data, found)
    return sides, max(counts)


def _coded_in_track(data: bytes, table: dict[bytes, Box]) -> Iterator[tuple[int, int]]:
    """Sizes that the first frame of a track of AV1 says: it is the one that is decoded."""
    described = table.get(b"stsd")
    if described is None or data[described.start + 12 : described.start + 16] != b"av01":
        return
    at = table[b"stsz"].start + 4
    (size,) = struct.unpack_from(">I", data, at)
    if not size:
        (size,) = struct.unpack_from(">I", data, at + 8)
    for kind, code in ((b"stco", ">I"), (b"co64", ">Q")):
        if kind in table:
            (start,) = struct.unpack_from(code, data, table[kind].start + 8)
            yield from av1.sizes(data[start : start + size])

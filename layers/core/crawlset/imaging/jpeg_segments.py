"""The segments of a JPEG: read, and of one that is transformed marked otherwise and put in."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from crawlset.imaging.part_limit import limited
from crawlset.imaging.sniff import MalformedImageError

_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that no segment follows."""
_MARK, _END, _SCAN, _APP0, _APP1, _APP2, _APP14 = (
    0xFF, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE,
)  # fmt: skip
_FILL = b"\xff"
_MAX_BODY = 65_533
_MAX_PARTS = 255
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PROFILE = b"ICC_PROFILE\0"
_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"RGB "}
"""By number of channels, what the ICC profile of such a picture says at byte 16."""
_NO_CONVERSION = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class About:
    """What goes along with a picture."""

    xmp: bytes | None = None
    profile: bytes | None = None
    """ICC."""

    def of(self, n_channels: int) -> "About":
        """Without a profile that is for pixels of another kind, as of a CMYK picture once RGB."""
        fits = self.profile is not None and self.profile[16:20] == _SPACES.get(n_channels)
        return self if fits else About(self.xmp)


@limited
def segments(
    data: bytes, junk: list[tuple[int, int]] | None = None
) -> Iterator[tuple[int, int, int]]:
    """
    Marker, start and end of the body of each segment up to the first scan's header.

    Any number of fill bytes, 0xFF, may stand before a marker (ITU-T T.81, B.1.1.2). Other bytes
    between segments go to `junk`, as offsets from and to. Raises `MalformedImageError`, and
    `IndexError` or `struct.error` where `data` ends early.
    """
    at = 2
    marker = 0
    while marker != _SCAN:
        start = at
        while data[at] != _MARK or data[at + 1] in {0, _MARK}:
            at = data.find(_MARK, at + 1)
            if at < 0:
                raise MalformedImageError("a marker is missing")
        if junk is not None and (n_odd := len(data[start:at].rstrip(_FILL))):
            junk.append((start, start + n_odd))
        marker = data[at + 1]
        if marker == _END:
            raise MalformedImageError("no picture in it")
        if marker in _BARE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, at + 4, at + 2 + length
        at += 2 + length


def unconverted(data: bytes) -> tuple[bytes, int]:
    """
    The JPEG `data` so marked that libjpeg takes its Y, Cb and Cr for red, green and blue.

    It then hands them over as they are. Gives the offset of the first scan as well.
    """
    whole = memoryview(data)
    kept, after = [whole[:2], memoryview(_NO_CONVERSION)], 2
    scan = 0
    for marker, start, stop in segments(data):
        scan = start - 4
        if marker in {_APP0, _APP14}:
            kept.append(whole[after:scan])
            after = stop
    n_before = sum(map(len, kept))
    kept.append(whole[after:])
    return b"".join(kept), n_before + scan - after


def profile(data: bytes) -> bytes | None:
    """The ICC profile before the first scan."""
    parts = {}
    for marker, start, stop in segments(data):
        if marker == _APP2 and data.startswith(_PROFILE, start):
            at = start + len(_PROFILE)
            parts[data[at]] = data[at + 2 : stop]
    return b"".join(part for _, part in sorted(parts.items())) or None


def with_about(data: bytes, about: About) -> bytes:
    """The JPEG `data` with `about` behind its first segment; what is too large stays out."""
    segments = []
    if about.xmp is not None and len(_XMP + about.xmp) <= _MAX_BODY:
        segments.append(_segment(_APP1, _XMP + about.xmp))
    if about.profile is not None:
        room = _MAX_BODY - len(_PROFILE) - 2
        parts = [about.profile[at : at + room] for at in range(0, len(about.profile), room)]
        if len(parts) <= _MAX_PARTS:
            segments += [
                _segment(_APP2, _PROFILE + bytes((at, len(parts))) + part)
                for at, part in enumerate(parts, 1)
            ]
    if not segments:
        return data
    (length,) = struct.unpack_from(">H", data, 4)
    return b"".join([data[: 4 + length], *segments, data[4 + length :]])


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

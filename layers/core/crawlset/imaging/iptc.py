"""
A reader of the few fields that are kept of IPTC's older blocks (IIM 4.2), as Photoshop packs them.

https://www.iptc.org/std/IIM/4.2/specification/IIMV4.2.pdf has their numbers.
"""

import struct
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from crawlset.embedded import Embedded
from crawlset.imaging import texts

_SIGNATURE = b"8BIM"
_BLOCK, _DIGEST = 0x0404, 0x0425
"""Photoshop's numbers of an IPTC block, and of the MD5 that it had when XMP was last written."""
_CHARSET = 1, 90
_DATE, _TIME, _BY_LINE, _CREDIT, _COPYRIGHT = (2, 55), (2, 60), (2, 80), (2, 110), (2, 116)
_KEPT = frozenset({_CHARSET, _DATE, _TIME, _BY_LINE, _CREDIT, _COPYRIGHT})
_UTF_8 = b"\x1b%G"
_LATIN_1 = frozenset({b"\x1b.A", b"\x1b-A", b"\x1b%A"})
_MARK = 0x1C
_EXTENDED = 0x8000
"""Set in a length that is itself the length of the length that follows."""
_MAX_REPEATS = 16


def read(block: bytes) -> Embedded:
    """Fields of an IPTC block, up to where it is broken."""
    found = _datasets(block)
    decoded = _decoder(found[_CHARSET][0] if found[_CHARSET] else b"")

    def together(number: tuple[int, int]) -> str | None:
        return texts.together(map(decoded, found[number]))

    said = {
        "date_time_original": _taken_at(found),
        "creator": together(_BY_LINE),
        "copyright_notice": together(_COPYRIGHT),
        "credit_line": together(_CREDIT),
    }
    return {name: value for name, value in said.items() if value is not None}


def packed(resources: Mapping[Any, Any]) -> bytes:
    """Photoshop's resources of IPTC, as they lie in a file; `resources` are by number."""
    kept = ((number, resources.get(number)) for number in (_BLOCK, _DIGEST))
    return b"".join(
        struct.pack(">4sHHI", _SIGNATURE, number, 0, len(data)) + data + bytes(len(data) & 1)
        for number, data in kept
        if isinstance(data, bytes)
    )


def unpacked(resources: bytes) -> tuple[bytes, bytes]:
    """The IPTC block and its digest among Photoshop's resources, or an IPTC block that is alone."""
    if not resources.startswith(_SIGNATURE):
        return resources, b""
    found: dict[int, bytes] = {}
    at = 0
    while resources.startswith(_SIGNATURE, at) and at + 12 <= len(resources):
        (number,) = struct.unpack_from(">H", resources, at + 4)
        at += 6 + (resources[at + 6] + 2) // 2 * 2  # behind a name, whose length is made even
        if at + 4 > len(resources):
            break
        (size,) = struct.unpack_from(">I", resources, at)
        found.setdefault(number, resources[at + 4 : at + 4 + size])
        at += 4 + size + (size & 1)
    return found.get(_BLOCK, b""), found.get(_DIGEST, b"")


def _datasets(block: bytes) -> dict[tuple[int, int], list[bytes]]:
    found: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    at = len(block) - len(block.lstrip(b"\0"))
    while at + 5 <= len(block) and block[at] == _MARK:
        record, dataset, size = struct.unpack_from(">BBH", block, at + 1)
        at += 5
        if size & _EXTENDED:
            n_bytes = size - _EXTENDED
            size = int.from_bytes(block[at : at + min(n_bytes, 8)])
            at += n_bytes
        if at + size > len(block):
            break
        if (record, dataset) in _KEPT and len(found[record, dataset]) < _MAX_REPEATS:
            found[record, dataset].append(block[at : at + size])
        at += size
    return found


def _decoder(charset: bytes) -> Callable[[bytes], str]:
    if charset == _UTF_8:
        return lambda text: text.decode(errors="replace")
    if charset in _LATIN_1:
        return lambda text: text.decode("latin-1")
    return texts.decoded


def _taken_at(found: dict[tuple[int, int], list[bytes]]) -> str | None:
    """Date as 19900127, time of day as 133015+0100."""
    day, time = (
        found[number][0].decode("ascii", "replace") if found[number] else ""
        for number in (_DATE, _TIME)
    )
    return texts.date(f"{day.strip()} {time.strip()}")

"""How large AV1 says itself that a picture is (AV1 specification, 5.5), whatever its file says."""

from collections.abc import Iterator

from crawlset.imaging.sniff import MalformedImageError, TruncatedError

_SEQUENCE_HEADER = 1
_HAS_EXTENSION, _HAS_SIZE = 4, 2
"""Flags of a unit's first byte."""
_MAX_UNITS = 10_000
_SEQUENCE_BYTES = 256
"""Enough of a sequence header: 32 operating points of 4 bytes come before the size."""
_HIGH_LEVEL = 7
"""A level above which a tier is told."""


def sizes(coded: bytes) -> Iterator[tuple[int, int]]:
    """Width and height that each sequence header promises at most; raises `MalformedImageError`."""
    at = n_units = 0
    while at < len(coded):
        n_units += 1
        if n_units > _MAX_UNITS:
            raise MalformedImageError(f"over {_MAX_UNITS} units in a picture")
        first = coded[at]
        at += 2 if first & _HAS_EXTENSION else 1
        size = len(coded) - at
        if first & _HAS_SIZE:
            size, at = _leb128(coded, at)
        if first >> 3 & 15 == _SEQUENCE_HEADER:
            yield _size(_Bits(coded[at : at + min(size, _SEQUENCE_BYTES)]))
        at += size


def _leb128(coded: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and the offset behind it."""
    value = 0
    for n in range(8):
        value |= (coded[at + n] & 0x7F) << 7 * n
        if not coded[at + n] & 0x80:
            return value, at + n + 1
    raise MalformedImageError("a size of too many bytes")


def _size(bits: "_Bits") -> tuple[int, int]:
    bits.take(3)  # profile
    bits.take(1)  # one picture alone
    is_reduced = bits.take(1)
    if is_reduced:
        bits.take(5)
    else:
        _pass_over_points(bits)
    n_width, n_height = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(n_width) + 1, bits.take(n_height) + 1


def _pass_over_points(bits: "_Bits") -> None:
    """What is told about timing, and the operating points."""
    n_delay_bits = 0
    if bits.take(1):
        bits.take(64)
        if bits.take(1):  # a number of as many bits as zeros come first
            n_zeros = 0
            while not bits.take(1):
                n_zeros += 1
            bits.take(n_zeros)
        if bits.take(1):
            n_delay_bits = bits.take(5) + 1
            bits.take(42)
    has_delays = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > _HIGH_LEVEL:
            bits.take(1)
        if n_delay_bits and bits.take(1):
            bits.take(2 * n_delay_bits + 1)
        if has_delays and bits.take(1):
            bits.take(4)


class _Bits:
    """Bits of bytes, the highest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data)
        self._n_left = 8 * len(data)

    def take(self, n: int) -> int:
        self._n_left -= n
        if self._n_left < 0:
            raise TruncatedError("the file ends early")
        return self._bits >> self._n_left & (1 << n) - 1

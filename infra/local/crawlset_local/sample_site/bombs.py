"""Small files that are costly to decode."""

import io
import struct
import zlib
from functools import cache
from typing import Final

from PIL import Image

_END_OF_IMAGE: Final = b"\xff\xd9"
_START_OF_SCAN: Final = b"\xff\xda"


@cache
def png_of_pixels(side: int) -> bytes:
    """Black, 1 bit a pixel, `side` pixels (a multiple of 8) square; deflated to almost nothing."""
    row = bytes(1 + side // 8)
    deflate = zlib.compressobj(9)
    rows = b"".join(deflate.compress(row) for _ in range(side)) + deflate.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    )


@cache
def gif_of_frames(n_frames: int) -> bytes:
    """`n_frames` frames of a pixel on a canvas of 100 x 100, 15 bytes each."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    screen = struct.pack("<HHBBB", 100, 100, 0, 0, 0)
    return b"GIF89a" + screen + frame * n_frames + b"\x3b"


@cache
def jpeg_of_scans(side: int, n_scans: int) -> bytes:
    """Black, progressive, and its last scan over and over: each goes through every block."""
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "JPEG", progressive=True)
    whole = file.getvalue().removesuffix(_END_OF_IMAGE)
    at = whole.rindex(_START_OF_SCAN)
    return whole[:at] + whole[at:] * n_scans + _END_OF_IMAGE

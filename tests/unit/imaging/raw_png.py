"""PNGs written chunk by chunk, of kinds that Pillow does not write."""

import struct
import zlib

GREY, COLOUR, PALETTE, GREY_ALPHA = 0, 2, 3, 4
"""Colour types (https://www.w3.org/TR/png-3/#11IHDR)."""


def raw_png(
    rows: list[list[int]],
    depth: int,
    colour_type: int,
    transparent: bytes | None = None,
    palette: bytes | None = None,
) -> bytes:
    """Samples of `depth` bits, the channels of a pixel one behind the other in its row."""
    channels = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2}[colour_type]
    header = struct.pack(
        ">IIBBBBB", len(rows[0]) // channels, len(rows), depth, colour_type, 0, 0, 0
    )
    body = zlib.compress(b"".join(b"\0" + _packed(row, depth) for row in rows))
    chunks = [
        (b"IHDR", header),
        *([(b"PLTE", palette)] if palette is not None else []),
        *([(b"tRNS", transparent)] if transparent is not None else []),
        (b"IDAT", body),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _packed(row: list[int], depth: int) -> bytes:
    bits = "".join(f"{sample:0{depth}b}" for sample in row)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)

"""Small real images, and broken ones, made on the spot."""

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from crawlset.imaging.features import Transformed

SIZE = (200, 150)
HUES = {"red": (90, -40), "green": (-60, -60), "blue": (-20, 100), "yellow": (10, -90)}
"""Cr and Cb less 128."""


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Soft blotches, the same each time: like a photograph, most of it is in low frequencies."""
    blotches = Image.frombytes("L", (16, 12), random.Random(7).randbytes(16 * 12))
    return blotches.resize(size, Image.Resampling.BICUBIC).convert(mode)


def tinted(hue: str, size: tuple[int, int] = SIZE) -> Image.Image:
    """The same grey each time; only its middle levels can carry any colour."""
    grey = np.asarray(picture("L", size)) // 4 + 96
    red, blue = HUES[hue]
    planes = [grey, np.full_like(grey, 128 + blue), np.full_like(grey, 128 + red)]
    return Image.merge("YCbCr", [Image.fromarray(plane) for plane in planes]).convert("RGB")


def grain(size: tuple[int, int] = SIZE) -> Image.Image:
    """Grey noise, the same each time: a JPEG of it has many bytes to damage."""
    return Image.frombytes("L", size, random.Random(7).randbytes(size[0] * size[1]))


def encoded(image_format: str, image: Image.Image | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    (image or picture()).save(stream, image_format, **options)
    return stream.getvalue()


def jpeg(mode: str = "RGB", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    return encoded("JPEG", picture(mode, size), **options)


def png16() -> bytes:
    image = Image.new("I;16", SIZE)
    image.putdata([(x * 65535) // SIZE[0] for _ in range(SIZE[1]) for x in range(SIZE[0])])
    return encoded("PNG", image)


def animated_gif(n_frames: int = 3) -> bytes:
    frames = [picture().rotate(20 * n) for n in range(n_frames)]
    return encoded("GIF", frames[0], save_all=True, append_images=frames[1:])


def png_bomb(width: int = 10_000, height: int = 10_000) -> bytes:
    """A few kilobytes that promise `width` x `height` pixels, and keep the promise."""
    rows = zlib.compressobj(9)
    data = b"".join([*(rows.compress(bytes(1 + width // 8)) for _ in range(height)), rows.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", data), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def gif_of_frames(n_frames: int) -> bytes:
    """A GIF of `n_frames` frames of 100 x 100 in as few bytes as it takes."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 100, 100, 0, 0, 0) + frame * n_frames + b"\x3b"


def opened(stored: Transformed) -> Image.Image:
    image = Image.open(io.BytesIO(stored.data))
    image.load()
    assert image.size == (stored.width, stored.height)
    assert image.format == stored.format.upper()
    return image


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)

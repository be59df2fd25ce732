"""
The pictures of the bench: JPEGs cut from real photographs, the same on every machine.

They are like ImageNet's in size, shape and weight: 500 by 375, 4:2:0, about 110 KB.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image, ImageOps

from crawlset_local.sample_site.photographs import photograph_pixels

USUAL, TINY = "pictures", "tiny"
"""Folders of pictures."""
N_PICTURES = 1000
SIZE = (500, 375)
TINY_SIZE = (80, 60)
LARGE_SIZE = (6000, 4000)
LARGE_BYTES = 25 << 20
"""What the engine takes at most; the large picture is little smaller."""
_GRAIN = (9.0, 16.0)
_LARGE_GRAIN = 20.0
_LARGE_QUALITY = 99
_TINY_QUALITY = 80
_QUALITIES = (92, 93, 94, 95)
_SOURCES = (
    *("chelsea", "coffee", "rocket", "astronaut", "hubble-deep-field", "camera"),
    *("cell", "clock-motion", "coins", "retina", "grass", "gravel", "brick", "ihc"),
)


def pictures(directory: Path, made: Callable[[], None]) -> list[Path]:
    """The pictures in `directory`, made where they are not there yet; `made` hears of each."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{n:04d}.jpg" for n in range(N_PICTURES)]
    for n, path in enumerate(paths):
        if not path.exists():
            write(path, _picture(n))
        made()
    return paths


def tiny_pictures(directory: Path, usual: list[Path]) -> None:
    """Pictures of 2 KB made of the `usual` ones, for runs in which pictures are to cost little."""
    directory.mkdir(parents=True, exist_ok=True)
    for source in usual:
        path = directory / source.name
        if not path.exists():
            with Image.open(source) as image:
                write(path, _jpeg(image.resize(TINY_SIZE), _TINY_QUALITY))


def large_picture(path: Path) -> Path:
    """One picture of 24 megapixels that weighs nearly as much as the engine takes."""
    if not path.exists():
        random = default_rng(0)
        pixels = photograph_pixels("astronaut").resize(LARGE_SIZE, Image.Resampling.BICUBIC)
        data = _jpeg(_grained(pixels, _LARGE_GRAIN, random), _LARGE_QUALITY)
        if not 0.9 * LARGE_BYTES < len(data) < LARGE_BYTES:
            raise SystemExit(f"The large picture weighs {len(data):,} bytes.")
        write(path, data)
    return path


def write(path: Path, data: bytes) -> None:
    """Whole or not at all, so that a run that was cut off leaves no half picture."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def distinct(data: bytes, number: int) -> Iterator[bytes]:
    """The JPEG `data` with `number` in a comment: the same picture as other bytes."""
    comment = str(number).encode()
    yield data[:2]
    yield b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    yield data[2:]


def _picture(n: int) -> bytes:
    random = default_rng(n)
    name = _SOURCES[n % len(_SOURCES)]
    source = photograph_pixels(name)
    share = random.uniform(0.6, 1.0)
    fit = min(source.width / SIZE[0], source.height / SIZE[1]) * share
    width, height = SIZE[0] * fit, SIZE[1] * fit
    left, top = random.uniform(0, source.width - width), random.uniform(0, source.height - height)
    box = (left, top, left + width, top + height)
    pixels = source.resize(SIZE, Image.Resampling.LANCZOS, box=box)
    if random.random() < 0.5:
        pixels = ImageOps.mirror(pixels)
    return _jpeg(_grained(pixels, random.uniform(*_GRAIN), random), int(random.choice(_QUALITIES)))


def _grained(image: Image.Image, deviation: float, random: Generator) -> Image.Image:
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    grain = random.normal(0, deviation, pixels.shape[:2]).astype(np.float32)
    return Image.fromarray(np.clip(pixels + grain[..., None], 0, 255).astype(np.uint8))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()

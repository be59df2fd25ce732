"""Icons of flat colour on a clear ground, and what a browser shows of them on paper."""

import math
from typing import Any

from PIL import Image, ImageDraw

from tests.unit.imaging import pictures

BLACK, WHITE, RED, GHOST = (
    (0, 0, 0, 255),
    (255, 255, 255, 255),
    (210, 40, 40, 255),
    (20, 20, 20, 120),
)
SHAPES = ("arrow", "house", "star", "flag", "key")
_FINE = 4
"""Drawn so many times larger, then made smaller: edges are half clear."""


def icon(shape: str, fill: tuple[int, int, int, int], side: int = 160) -> Image.Image:
    """In mode RGBA, on a ground of clear black."""
    image = Image.new("RGBA", (side * _FINE, side * _FINE), (0, 0, 0, 0))
    unit = side * _FINE / 100
    for kind, corners in _DRAWN[shape]:
        getattr(ImageDraw.Draw(image), kind)([place * unit for place in corners], fill)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def on_paper(image: Image.Image, paper: str) -> Image.Image:
    sheet = Image.new("RGBA", image.size, paper)
    return Image.alpha_composite(sheet, image.convert("RGBA")).convert("RGB")


def png(image: Image.Image, **options: Any) -> bytes:
    return pictures.encoded("PNG", image, **options)


_STAR = [
    place
    for point in range(10)
    for place in (
        50 + (18 if point % 2 else 45) * math.sin(point * math.pi / 5),
        54 - (18 if point % 2 else 45) * math.cos(point * math.pi / 5),
    )
]
_DRAWN: dict[str, list[tuple[str, list[float]]]] = {
    "arrow": [("polygon", [55, 15, 95, 50, 55, 85, 55, 62, 8, 62, 8, 38, 55, 38])],
    "house": [("polygon", [50, 8, 95, 50, 5, 50]), ("rectangle", [20, 50, 55, 92])],
    "star": [("polygon", _STAR)],
    "flag": [("rectangle", [12, 6, 20, 95]), ("polygon", [20, 8, 92, 22, 20, 55])],
    "key": [("ellipse", [6, 6, 50, 50]), ("polygon", [40, 46, 48, 38, 94, 84, 84, 94])],
}

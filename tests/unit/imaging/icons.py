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
SYMMETRIC = ("disc", "ring", "square", "cross", "bars")
"""Shapes of which most frequencies are zero."""
_FINE = 4
"""Drawn so many times larger, then made smaller: edges are half clear."""


def icon(shape: str, fill: tuple[int, int, int, int], side: int = 160) -> Image.Image:
    """In mode RGBA, on a ground of clear black."""
    image = Image.new("RGBA", (side * _FINE, side * _FINE), (0, 0, 0, 0))
    unit = side * _FINE / 100
    for kind, corners, colour in _DRAWN[shape]:
        places = [place * unit for place in corners]
        getattr(ImageDraw.Draw(image), kind)(places, colour or fill)
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
_CLEAR = (0, 0, 0, 0)
_DRAWN: dict[str, list[tuple[str, list[float], tuple[int, int, int, int] | None]]] = {
    "arrow": [("polygon", [55, 15, 95, 50, 55, 85, 55, 62, 8, 62, 8, 38, 55, 38], None)],
    "house": [("polygon", [50, 8, 95, 50, 5, 50], None), ("rectangle", [20, 50, 55, 92], None)],
    "star": [("polygon", _STAR, None)],
    "flag": [("rectangle", [12, 6, 20, 95], None), ("polygon", [20, 8, 92, 22, 20, 55], None)],
    "key": [
        ("ellipse", [6, 6, 50, 50], None),
        ("polygon", [40, 46, 48, 38, 94, 84, 84, 94], None),
    ],
    "disc": [("ellipse", [10, 10, 90, 90], None)],
    "ring": [("ellipse", [10, 10, 90, 90], None), ("ellipse", [28, 28, 72, 72], _CLEAR)],
    "square": [("rectangle", [18, 18, 82, 82], None)],
    "cross": [("rectangle", [40, 10, 60, 90], None), ("rectangle", [10, 40, 90, 60], None)],
    "bars": [("rectangle", [10, top, 90, top + 14], None) for top in (14, 43, 72)],
}
"""A method of `ImageDraw`, places in hundredths of the side, and a colour other than the icon's."""

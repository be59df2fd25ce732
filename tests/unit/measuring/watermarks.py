"""Watermarks on photographs, as agencies write them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crawlset_local.sample_site.photographs import PHOTOGRAPHS, photograph_pixels

TEXTURED = ("grass", "gravel", "ihc")
"""Photographs on whose fine texture faint letters are hardly told apart, by people either."""
PLAIN = [name for name in PHOTOGRAPHS if name not in TEXTURED]
TEXT = "© stockphoto.com"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where letters stand: shares of what the picture leaves free, size as a share of its side."""

    name: str
    places: tuple[tuple[float, float], ...]
    size: float = 0.06
    degrees: float = 0.0


CORNER = Placement("corner", ((0.97, 0.97),), 0.045)
MIDDLE = Placement("middle", ((0.5, 0.5),), 0.07)
SLANTED = Placement("slanted", ((0.5, 0.5),), 0.07, 30)
REPEATED = Placement("repeated", ((0.1, 0.05), (0.9, 0.28), (0.1, 0.5), (0.9, 0.72), (0.1, 0.95)))
PLACEMENTS = (CORNER, MIDDLE, SLANTED, REPEATED)


def photograph(name: str) -> np.ndarray:
    """A photograph of the sample site, RGB."""
    return np.asarray(photograph_pixels(name).convert("RGB"))


def marked(name: str, placement: Placement, alpha: int, text: str = TEXT) -> np.ndarray:
    """A photograph with white letters of this opacity of 255; black ones where it is white."""
    below = photograph_pixels(name).convert("RGBA")
    font = ImageFont.load_default(max(round(placement.size * max(below.size)), 12))
    _, _, right, bottom = font.getbbox(text)
    mark = Image.new("RGBA", (int(right) + 4, int(bottom) + 4))
    shade = 0 if name == "horse" else 255
    ImageDraw.Draw(mark).text((2, 2), text, font=font, fill=(shade, shade, shade, alpha))
    mark = mark.rotate(placement.degrees, Image.Resampling.BICUBIC, expand=True)
    for x, y in placement.places:
        layer = Image.new("RGBA", below.size)
        at = round((below.width - mark.width) * x), round((below.height - mark.height) * y)
        layer.paste(mark, at)
        below = Image.alpha_composite(below, layer)
    return np.asarray(below.convert("RGB"))

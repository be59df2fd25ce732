"""
A measurer: which colours do the pictures have, and how colourful are they?

The measure `colourfulness` is that of D. Hasler and S. Suesstrunk, "Measuring colourfulness in
natural images", 2003: 0 for grey, about 33 for averagely and 109 for extremely colourful pictures.
The vector is a histogram of 4 x 4 x 4 colours, of length 1: pictures of like colours are near.

Copy it, and change the class; docs/measurers.md says what a measurer is asked and answers.
"""

from collections.abc import Sequence

import numpy as np

from crawlset.measuring.base import Measured
from crawlset.measuring.handler import handler_of

LEVELS = 4
"""Levels of each of red, green and blue in the histogram."""


class Palette:
    name = "palette"
    version = "1"
    max_side = 256

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        del keywords
        return [
            Measured({"colourfulness": colourfulness(picture)}, histogram(picture))
            for picture in pictures
        ]


def colourfulness(picture: np.ndarray) -> float:
    red, green, blue = picture.astype(np.float32).transpose(2, 0, 1)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def histogram(picture: np.ndarray) -> np.ndarray:
    """Share of the pixels in each of 64 colours, as a vector of length 1."""
    red, green, blue = (picture // (256 // LEVELS)).astype(np.intp).transpose(2, 0, 1)
    counts = np.bincount(((red * LEVELS + green) * LEVELS + blue).ravel(), minlength=LEVELS**3)
    return counts / np.linalg.norm(counts)


handler = handler_of(Palette)

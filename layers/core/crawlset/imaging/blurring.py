"""Parts of a picture made unrecognisable, such as faces."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from crawlset.imaging.features import PARTS, PartBox

CELLS = 6
"""Squares each way that are left of a part: of a face, two or three of an eye's breadth."""
MARGIN = 0.15
"""How far beyond a box is blurred, as a share of its side: hair and chin are outside it."""


def blurred(
    pixels: np.ndarray, boxes: Sequence[PartBox], corner: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """
    Pixels of a canvas, uint8, height x width x channels, with `boxes` blurred.

    Args:
        pixels: left as they are.
        boxes: in ten-thousandths of the picture that was scaled to `size` and has its corner there.
        corner: left and top of the picture on the canvas, negative where it is cropped.
        size: width and height of the whole picture.
    """
    kept = pixels.copy()
    for left, top, width, height in boxes:
        margin_x, margin_y = width * MARGIN, height * MARGIN
        columns = _span(left - margin_x, left + width + margin_x, corner[0], size[0])
        rows = _span(top - margin_y, top + height + margin_y, corner[1], size[1])
        part = kept[rows, columns]
        if part.size:
            kept[rows, columns] = np.stack(
                [_averaged(channel) for channel in part.transpose(2, 0, 1)], axis=2
            )
    return kept


def _span(first: float, last: float, offset: int, side: int) -> slice:
    """Pixels of the canvas from one part of a side to another."""
    low, high = (offset + part * side / PARTS for part in (first, last))
    return slice(max(int(low), 0), max(int(np.ceil(high)), 0))


def _averaged(channel: np.ndarray) -> np.ndarray:
    height, width = channel.shape
    cells = Image.fromarray(channel).resize(
        (min(CELLS, width), min(CELLS, height)), Image.Resampling.BOX
    )
    return np.asarray(cells.resize((width, height), Image.Resampling.BICUBIC))

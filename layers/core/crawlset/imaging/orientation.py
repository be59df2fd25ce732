"""Setting upright what an EXIF orientation, 1 to 8, says is stored turned or mirrored."""

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels, of which there may be fractions."""

_TRANSPOSES: dict[int | None, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_MIRRORED = frozenset({2, 3, 6, 7})
_UPSIDE_DOWN = frozenset({3, 4, 7, 8})
"""Orientations whose columns, or rows, run backwards once rows are again rows."""


def upright_size(width: int, height: int, orientation: int | None) -> tuple[int, int]:
    """Width and height of the picture once it is upright."""
    return (height, width) if orientation in _SIDEWAYS else (width, height)


def upright_picture(image: Image.Image, orientation: int | None) -> Image.Image:
    """Turn the whole picture; what is upright already is returned as it is."""
    turn = _TRANSPOSES.get(orientation)
    return image if turn is None else image.transpose(turn)


def upright_pixels(pixels: np.ndarray, box: Box, orientation: int | None) -> tuple[np.ndarray, Box]:
    """Turn pixels (height, width, …), and the `box` of them that the picture covers."""
    if orientation not in _TRANSPOSES:
        return pixels, box
    left, top, right, bottom = box
    if orientation in _SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
        left, top, right, bottom = top, left, bottom, right
    height, width = pixels.shape[:2]
    if orientation in _MIRRORED:
        pixels = pixels[:, ::-1]
        left, right = width - right, width - left
    if orientation in _UPSIDE_DOWN:
        pixels = pixels[::-1]
        top, bottom = height - bottom, height - top
    return np.ascontiguousarray(pixels), (left, top, right, bottom)

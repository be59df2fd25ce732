"""Pixels in arrays, for Pillow and for those who need but some of them."""

import numpy as np
from PIL import Image


def grey_image(pixels: np.ndarray) -> Image.Image:
    """`Image.fromarray` of grey `pixels` (height, width), without a copy."""
    height, width = pixels.shape
    return Image.frombuffer("L", (width, height), pixels, "raw", "L", 0, 1)


def every_other(chroma: np.ndarray) -> np.ndarray:
    """Every other pixel of every other row of `chroma`: Cb and Cr, height x width x 2."""
    pairs = chroma[::2, ::2].view(np.uint16).copy()
    return pairs.view(np.uint8)

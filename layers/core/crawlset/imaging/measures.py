"""What is measured of a small picture: by the compiled kernel where there is one, else by NumPy."""

from dataclasses import dataclass

import numpy as np

from crawlset.imaging import hashes, kernel, scores
from crawlset.imaging.orientation import Box
from crawlset.imaging.second_look import signature_of


@dataclass(frozen=True, slots=True)
class Measures:
    """Scores of a picture, and how far from grey it is; `colours` as `colours.packed` has them."""

    scores: dict[str, float]
    blur: float
    colour: float
    colours: int


def without_border(grey: np.ndarray, box: Box) -> Box:
    """`hashes.without_border`, by the fastest means at hand."""
    compiled = _kernel_for(grey)
    if compiled is None:
        return hashes.without_border(grey, box)
    return compiled.without_border(grey, box)


def hashed(grey: np.ndarray, chroma: np.ndarray | None, box: Box) -> tuple[tuple[int, ...], bytes]:
    """Perceptual hashes of the part `box` of a picture, in six views, and its signature."""
    compiled = _kernel_for(grey)
    if compiled is None:
        signature = signature_of(grey, chroma, box)
        views = hashes.phashes(grey.astype(np.float64), box)
        return (*views, hashes.turned_phash(signature)), signature
    return compiled.hashed(grey, chroma, box)


def measured(grey: np.ndarray, chroma: np.ndarray | None, box: Box, longest: int) -> Measures:
    """Scores of a picture whose longer side has `longest` pixels in its file."""
    compiled = _kernel_for(grey)
    if compiled is None:
        blur = scores.blur(grey, box, longest)
        return Measures(scores.scores(grey), blur, *scores.colours(chroma))
    levels, edges, hues = compiled.measured(grey, chroma, box, scores.blur_size(box, longest))
    return Measures(scores.scores_of(levels), scores.blur_of(edges), *scores.colours_of(hues))


def _kernel_for(grey: np.ndarray) -> kernel.Kernel | None:
    return kernel.KERNEL if kernel.takes(grey) else None

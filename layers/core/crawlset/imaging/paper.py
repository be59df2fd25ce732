"""
Laying a picture that can be seen through on paper: white, or black where white would hide it.

Hashes, scores and what is stored as JPEG all take the same paper.
"""

import numpy as np
from PIL import Image, ImageFile

from crawlset.imaging.scales import reduction

WHITE, BLACK = 255, 0
_OPAQUE = 255
_GREY = frozenset({"1", "L", "I", "F"})
_FAINT_LEVELS = 16
"""Grey levels from the paper up to which nothing is seen."""
_FEW = 0.01
"""Share of the pixels below which what is seen is no shape."""


def plain(image: Image.Image) -> Image.Image:
    """`image` in mode L or RGB, or in RGBA if any of it can be seen through."""
    if image.mode.startswith("I;16"):
        return _of_16_bits(image)
    opaque_mode = "L" if image.mode in _GREY else "RGB"
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        if clear.getextrema()[3][0] < _OPAQUE:
            return clear
        image = clear
    return image if image.mode == opaque_mode else image.convert(opaque_mode)


def laid(image: Image.Image) -> Image.Image:
    """The RGBA `image` on its paper, in mode RGB."""
    paper = paper_of(premultiplied(image))
    sheet = Image.new("RGBA", image.size, (paper, paper, paper, _OPAQUE))
    return Image.alpha_composite(sheet, image).convert("RGB")


def premultiplied(image: Image.Image) -> np.ndarray:
    """The RGBA `image` made small: height x width x 4, its colours times its alpha."""
    return np.asarray(image.convert("RGBa").reduce(reduction(*image.size)))


def paper_of(small: np.ndarray) -> int:
    """`WHITE`, or `BLACK` where almost nothing of `small` is seen on white and more on black."""
    on_white = _shown(small, WHITE)
    return BLACK if on_white < _FEW and _shown(small, BLACK) > on_white else WHITE


def is_seen(small: np.ndarray, paper: int) -> bool:
    """Whether there is a shape to be seen on this paper."""
    return _shown(small, paper) >= _FEW


def on_paper(small: np.ndarray, paper: int) -> Image.Image:
    """The colours, and the paper as far as it shines through."""
    colours = small[:, :, :3]
    shining = np.uint8(0) if paper == BLACK else _OPAQUE - small[:, :, 3:]
    return Image.fromarray(colours + shining)


def whole_key(image: ImageFile.ImageFile) -> None:
    """
    Bring the one transparent colour of a PNG that is not decoded yet to 8 bits a sample.

    Pillow widens samples of 2 and 4 bits and narrows colours of 16, and leaves what `tRNS` says.
    """
    key = image.info.get("transparency")
    match image.tile[0].args if image.tile else None, key:
        case "L;2" | "L;4" as rawmode, int():
            image.info["transparency"] = key * (85 if rawmode == "L;2" else 17)
        case "RGB;16B", tuple():
            image.info["transparency"] = tuple(sample >> 8 for sample in key)


def _shown(small: np.ndarray, paper: int) -> float:
    """Share of the pixels that stand out from the paper."""
    grey = np.asarray(on_paper(small, paper).convert("L")).astype(np.int16)
    return float((np.abs(grey - paper) > _FAINT_LEVELS).mean())


def _of_16_bits(image: Image.Image) -> Image.Image:
    """The high bytes, and what has the transparent value clear."""
    order = ">" if image.mode == "I;16B" else "<"
    values = np.frombuffer(image.tobytes(), f"{order}u2").reshape(image.height, image.width)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    key = image.info.get("transparency")
    if not isinstance(key, int) or not (values == key).any():
        return grey
    grey.putalpha(Image.fromarray((values != key).astype(np.uint8) * np.uint8(_OPAQUE)))
    return grey.convert("RGBA")

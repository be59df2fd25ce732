"""
Laying a picture that can be seen through on paper: white, or black where white would hide it.

Hashes, scores and what is stored as JPEG all take the same paper.
"""

import numpy as np
from PIL import Image, ImageFile

from crawlset.imaging.scales import reduction

WHITE, BLACK = 255, 0
_OPAQUE = 255
_MOST = {"L": 255, "L;4": 15, "L;2": 3}
"""The largest sample of a grey PNG of 8, 4 and 2 bits."""
_GREY = frozenset({"1", "L", "I", "F"})
_FAINT_LEVELS = 16
"""Grey levels from the paper up to which nothing is seen."""
_FEW = 0.01
"""Share of the pixels below which what is seen is no shape."""
_ROWS_AT_ONCE = 256


def plain(image: Image.Image) -> Image.Image:
    """`image` in mode L or RGB, or in RGBA if any of it can be seen through."""
    if image.mode.startswith("I;16"):
        return _of_16_bits(image)
    opaque_mode = "L" if image.mode in _GREY else "RGB"
    if image.has_transparency_data:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        if clear.getchannel("A").histogram()[_OPAQUE] < clear.width * clear.height:
            return clear
        image = clear
    return image if image.mode == opaque_mode else image.convert(opaque_mode)


def small_on_papers(image: Image.Image) -> dict[int, Image.Image]:
    """
    The RGBA `image` made small, by the paper that it lies on: its own first.

    That is `WHITE`, or `BLACK` where almost nothing is seen on white and more on black. Of the
    other paper there is one if a shape is seen there too.
    """
    factors = reduction(*image.size)
    on = {paper: laid(image, paper, factors) for paper in (WHITE, BLACK)}
    shown = {paper: _shown(small, paper) for paper, small in on.items()}
    if shown[WHITE] < _FEW and shown[BLACK] > shown[WHITE]:
        return {BLACK: on[BLACK]}
    return on if shown[BLACK] >= _FEW else {WHITE: on[WHITE]}


def laid(image: Image.Image, paper: int, factors: tuple[int, int] = (1, 1)) -> Image.Image:
    """
    The RGBA `image` on paper in mode RGB, of `factors` pixels across and down one made.

    Strip by strip, since three more copies of a large picture would not fit into a child.
    """
    across, down = factors
    size = -(-image.width // across), -(-image.height // down)
    whole = Image.new("RGB", size)
    n_rows = max(1, _ROWS_AT_ONCE // down)
    for top in range(0, size[1], n_rows):
        bottom = min((top + n_rows) * down, image.height)
        strip = image.crop((0, top * down, image.width, bottom))
        sheet = Image.new("RGB", strip.size, (paper, paper, paper))
        sheet.paste(strip, mask=strip)
        whole.paste(sheet.reduce(factors), (0, top))
    return whole


def whole_key(image: ImageFile.ImageFile) -> None:
    """
    Bring the one transparent colour of a PNG, which is not decoded yet, to 8 bits a sample.

    Pillow widens samples of 2 and 4 bits and narrows colours of 16, but leaves what `tRNS` says,
    in which bits above the depth count for nothing.
    """
    rawmode = image.tile[0].args if image.tile else None
    match rawmode, image.info.get("transparency"):
        case "L" | "L;2" | "L;4", int(key):
            most = _MOST[rawmode]
            image.info["transparency"] = (key & most) * (_OPAQUE // most)
        case "RGB", (red, green, blue):
            image.info["transparency"] = red & _OPAQUE, green & _OPAQUE, blue & _OPAQUE
        case "RGB;16B", (red, green, blue):
            image.info["transparency"] = red >> 8, green >> 8, blue >> 8


def _shown(small: Image.Image, paper: int) -> float:
    """Share of the pixels that stand out from the paper."""
    grey = np.asarray(small.convert("L")).astype(np.int16)
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

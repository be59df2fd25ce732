"""A picture as a job wants it stored: resized as img2dataset names it, and encoded anew."""

import io
from typing import Any

from PIL import Image, ImageOps

from crawlset.imaging.features import Resize, ResizeMode, StoredFormat, Transformed

_SAMPLING = Image.Resampling.LANCZOS
_WHITE = (255, 255, 255)


def resize(image: Image.Image, wanted: Resize) -> Transformed:
    """`image`, of any mode, as RGB or L; what is transparent in it becomes white."""
    picture = _resized(_opaque(image), wanted)
    stream = io.BytesIO()
    options: dict[str, Any] = (
        {"compress_level": wanted.quality}
        if wanted.format == StoredFormat.png
        else {"quality": wanted.quality}
    )
    picture.save(stream, wanted.format.value.upper(), **options)
    return Transformed(stream.getvalue(), wanted.format.value, *picture.size)


def _resized(image: Image.Image, wanted: Resize) -> Image.Image:
    size, short, long = wanted.size, min(image.size), max(image.size)
    is_short = wanted.mode in {ResizeMode.keep_ratio, ResizeMode.center_crop}
    if wanted.mode == ResizeMode.no:
        return image
    if wanted.only_if_bigger and (short if is_short else long) <= size:
        return image
    match wanted.mode:
        case ResizeMode.center_crop:
            return ImageOps.fit(image, (size, size), _SAMPLING)
        case ResizeMode.border:
            return ImageOps.pad(image, (size, size), _SAMPLING, "white")
    scale = size / (short if is_short else long)
    sides = [max(1, round(side * scale)) for side in image.size]
    return image.resize((sides[0], sides[1]), _SAMPLING)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "L" or (image.mode == "RGB" and "transparency" not in image.info):
        return image
    if image.mode.startswith("I;16"):
        return image.point(lambda level: level / 256).convert("L")
    if image.mode == "CMYK":
        return image.convert("RGB")
    layered = image.convert("RGBA")
    white = Image.new("RGBA", image.size, _WHITE)
    return Image.alpha_composite(white, layered).convert("RGB")

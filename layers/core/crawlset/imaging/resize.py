"""
The picture to store in place of the bytes received.

The five modes, their sizes and their rounding are img2dataset's: `border`, `keep_ratio_largest`
and `only_if_bigger` go by the long side, `keep_ratio` and `center_crop` by the short one; down by
area, up by Lanczos; `border` is white and is there only if the picture was scaled, as the crop is.

Of what a file says about itself the XMP packet and the colour profile go along, for rights and
colours must not be lost; EXIF and IPTC do not, and the picture is stored upright instead. Of an
animation the first frame is stored. JPEG has no alpha: what is transparent becomes paper,
white or black as for the picture's measures.
The same picture gives the same bytes.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image, PngImagePlugin

from crawlset.imaging.area import Side, shrink
from crawlset.imaging.blurring import blurred
from crawlset.imaging.features import PartBox, Transformed
from crawlset.imaging.jpeg_segments import About, with_about
from crawlset.imaging.paper import laid, plain, small_on_papers
from crawlset.resizing import Resize, ResizeMode, StoredFormat

MAX_SIDE = 65_500
"""Pixels of a side: libjpeg's limit. A thin picture scaled up by its short side would pass it."""
_SHORT_SIDE = frozenset({ResizeMode.keep_ratio, ResizeMode.center_crop})
_FEW = 8
"""Pixels to one, each way, from which on whole blocks of them are averaged first."""
_WHITE = 255
_GREY = 128
_PNG_KEYWORD = "XML:com.adobe.xmp"
_STEPS = {"444": (1, 1), "422": (2, 1), "420": (2, 2), "440": (1, 2), "411": (4, 1)}
"""Pixels across and down that share a chroma sample."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a picture goes: scaled to width x height, its corner at left, top of the canvas."""

    width: int
    height: int
    canvas: tuple[int, int]
    """Width and height of what is stored."""
    left: int = 0
    top: int = 0
    """Negative where the picture is cropped."""


NOTHING = About()


def layout(width: int, height: int, wanted: Resize) -> Layout:
    """What becomes of a picture of this size. Raises `ValueError` when it passes `MAX_SIDE`."""
    side = (min if wanted.mode in _SHORT_SIDE else max)(width, height)
    if wanted.mode == ResizeMode.no or (wanted.only_if_bigger and side <= wanted.size):
        return _checked(Layout(width, height, (width, height)))
    scale = wanted.size / side
    new_width, new_height = (max(1, round(pixels * scale)) for pixels in (width, height))
    if wanted.mode in {ResizeMode.keep_ratio, ResizeMode.keep_ratio_largest}:
        return _checked(Layout(new_width, new_height, (new_width, new_height)))
    return _checked(
        Layout(
            new_width,
            new_height,
            (wanted.size, wanted.size),
            _offset(wanted.size - new_width),
            _offset(wanted.size - new_height),
        )
    )


def resize(
    image: Image.Image,
    wanted: Resize,
    about: About = NOTHING,
    original: tuple[float, float] | None = None,
    boxes: Sequence[PartBox] = (),
) -> Transformed:
    """
    The first frame of `image`, which is upright, as `wanted`, with `boxes` of it blurred.

    An image decoded at a smaller scale comes with the `original` width and height of its file.
    Raises `ValueError` when a side would pass `MAX_SIDE`.
    """
    width, height = original or image.size
    place = layout(int(width), int(height), wanted)
    pixels = _arranged(_plain(image, wanted.format), place)
    if boxes:
        pixels = blurred(pixels, boxes, (place.left, place.top), (place.width, place.height))
    data = _ENCODERS[wanted.format](pixels, wanted.quality, about.of(pixels.shape[2]))
    return Transformed(data, wanted.format, *place.canvas, _mode(pixels, wanted.format))


def pixels_of(image: Image.Image, wanted: Resize, original: tuple[int, int]) -> np.ndarray:
    """
    Pixels of `image`, which is upright, as `resize` would encode them; on paper, without alpha.

    Gives uint8, height x width x 3, or x 1 of a grey picture. Raises what `resize` does.
    """
    return _arranged(_plain(image, StoredFormat.jpeg), layout(*original, wanted))


def can_keep_planes(subsampling: str, size: tuple[int, int], wanted: Resize) -> bool:
    """Whether `resize_planes` can be used for a JPEG of this size and `subsampling`, as `420`."""
    place = layout(*size, wanted)
    return (
        wanted.format == StoredFormat.jpeg
        and subsampling in _STEPS
        and (place.width < size[0] or place.height < size[1])
    )


def resize_planes(
    pixels: np.ndarray,
    subsampling: str,
    covered: tuple[float, float],
    size: tuple[int, int],
    wanted: Resize,
    about: About = NOTHING,
) -> Transformed:
    """
    A JPEG made smaller without turning its Y, Cb and Cr into colours and back: half the work.

    `pixels` are height x width x 3, or x 1 when grey, with each chroma sample repeated where the
    `subsampling` has one for several pixels; `444` is right for every other. The picture covers
    them as far as `covered`, right and down; its file says that `size`, width and height, is its.
    """
    place = layout(*size, wanted)
    planes = pixels.transpose(2, 0, 1)
    step_x, step_y = _STEPS[subsampling]
    width, height = covered
    (luma,) = _placed(planes[:1], (width, height), place, 1, _WHITE)
    blue = red = None
    if len(planes) > 1:
        samples = planes[1:, ::step_y, ::step_x]
        chroma = _placed(samples, (width / step_x, height / step_y), place, 2, _GREY)
        _soften(chroma, place.left, place.width, place.canvas[0])
        _soften(chroma.swapaxes(1, 2), place.top, place.height, place.canvas[1])
        blue, red = chroma
    data = simplejpeg.encode_jpeg_yuv_planes(_evened(luma), blue, red, wanted.quality)
    about = about.of(len(planes))
    mode = "L" if len(planes) == 1 else "RGB"
    return Transformed(with_about(data, about), wanted.format, *place.canvas, mode)


def _offset(room: int) -> int:
    """Before a picture that is centred, in `room` which is less than none when it is cropped."""
    return room // 2 if room >= 0 else -(-room // 2)


def _checked(place: Layout) -> Layout:
    if max(place.width, place.height) > MAX_SIDE:
        raise ValueError(f"resized it is {place.width}x{place.height}")
    return place


def _placed(
    planes: np.ndarray, covered: tuple[float, float], place: Layout, step: int, paper: int
) -> np.ndarray:
    """`planes` scaled into a canvas of `paper`, `step` times smaller each side than of `place`."""
    columns, across = _span(covered[0], place.width, place.left, place.canvas[0], step)
    rows, down = _span(covered[1], place.height, place.top, place.canvas[1], step)
    scaled = shrink(planes, across, down)
    width, height = (-(-side // step) for side in place.canvas)
    if scaled.shape[1:] == (height, width):
        return scaled
    canvas = np.full((len(planes), height, width), paper, np.uint8)
    canvas[:, rows, columns] = scaled
    return canvas


def _soften(chroma: np.ndarray, offset: int, n: int, n_canvas: int) -> None:
    """Mix grey into the columns that are half picture, half paper."""
    for edge in (offset, offset + n):
        if 0 < edge < n_canvas and edge % 2:
            column = chroma[:, :, edge // 2]
            column[...] = column // 2 + _GREY // 2


def _evened(luma: np.ndarray) -> np.ndarray:
    """`luma` with a pixel behind each odd side, out of sight: libjpeg-turbo reads it."""
    height, width = luma.shape
    if height % 2 == width % 2 == 0:
        return luma
    evened = np.empty((height + height % 2, width + width % 2), np.uint8)
    evened[:height, :width] = luma
    evened[height:, :width] = luma[-1]
    evened[:, width:] = evened[:, width - 1 : width]
    return evened[:height, :width]


def _span(covered: float, n: int, offset: int, n_canvas: int, step: int) -> tuple[slice, Side]:
    """Which samples of a side of the canvas a picture fills, and with what part of itself."""
    first = max(offset, 0) // step
    last = -(-min(offset + n, n_canvas) // step)
    scale = covered / n
    part = (first * step - offset) * scale, (last * step - offset) * scale, last - first
    return slice(first, last), part


def _plain(image: Image.Image, image_format: StoredFormat) -> Image.Image:
    """In mode L or RGB, or RGBA where there is transparency and the format has it."""
    image = plain(image)
    if image.mode == "RGBA" and image_format == StoredFormat.jpeg:
        return laid(image, next(iter(small_on_papers(image))))
    return image


def _arranged(image: Image.Image, place: Layout) -> np.ndarray:
    """Height x width x channels of the canvas."""
    if (place.width, place.height) == image.size == place.canvas:
        return _channels(image)
    if place.width > image.width or place.height > image.height:
        scaled = image.resize((place.width, place.height), Image.Resampling.LANCZOS)
        canvas = Image.new(image.mode, place.canvas, "white")
        canvas.paste(scaled, (place.left, place.top))
        return _channels(canvas)
    has_alpha = image.mode == "RGBA"
    factor = min(image.width // place.width, image.height // place.height) // _FEW
    covered = float(image.width), float(image.height)
    if has_alpha:
        image = image.convert("RGBa")
    if factor > 1:
        image = image.reduce(factor)
        covered = covered[0] / factor, covered[1] / factor
    planes = _channels(image).transpose(2, 0, 1)
    pixels = np.stack([_placed(plane[None], covered, place, 1, _WHITE)[0] for plane in planes], 2)
    if has_alpha:
        return _channels(Image.frombytes("RGBa", place.canvas, pixels.tobytes()).convert("RGBA"))
    return pixels


def _channels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).reshape(image.height, image.width, -1)


def _mode(pixels: np.ndarray, image_format: StoredFormat) -> str:
    """Pillow's name for the pixels of the file: WebP has no grey, nor alpha without effect."""
    if pixels.shape[2] == 1:
        return "RGB" if image_format == StoredFormat.webp else "L"
    is_opaque = image_format == StoredFormat.webp and (pixels[:, :, 3:] == _WHITE).all()
    return "RGB" if pixels.shape[2] == 3 or is_opaque else "RGBA"  # noqa: PLR2004


def _jpeg(pixels: np.ndarray, quality: int, about: About) -> bytes:
    grey = pixels.shape[2] == 1
    colours, subsampling = ("GRAY", "Gray") if grey else ("RGB", "420")
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, colours, subsampling)
    return with_about(data, about)


def _png(pixels: np.ndarray, quality: int, about: About) -> bytes:
    texts = PngImagePlugin.PngInfo()
    if about.xmp is not None:
        texts.add_itxt(_PNG_KEYWORD, about.xmp.decode("utf-8", "replace"))
    return _saved(
        pixels, "PNG", compress_level=quality, pnginfo=texts, icc_profile=about.profile or b""
    )


def _webp(pixels: np.ndarray, quality: int, about: About) -> bytes:
    return _saved(
        pixels, "WEBP", quality=quality, xmp=about.xmp or b"", icc_profile=about.profile or b""
    )


def _saved(pixels: np.ndarray, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(pixels if pixels.shape[2] > 1 else pixels[:, :, 0])
    picture.save(stream, image_format, **options)
    return stream.getvalue()


_ENCODERS: dict[StoredFormat, Callable[[np.ndarray, int, About], bytes]] = {
    StoredFormat.jpeg: _jpeg,
    StoredFormat.png: _png,
    StoredFormat.webp: _webp,
}

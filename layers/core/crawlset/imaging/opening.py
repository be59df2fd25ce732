"""
Take a picture out of its file with Pillow, which opens every format but the usual JPEG.

Two formats are another library's, and are decoded where it is installed: `pi_heif` for HEIC,
`imagecodecs` for JPEG XL.
"""

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    ImagePalette,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from crawlset.imaging import blocks
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.iso_boxes import exif_of_boxes, xmp_of_boxes
from crawlset.imaging.libheif import LibHeif
from crawlset.imaging.mending import without_broken_chunks, without_extras
from crawlset.imaging.metadata import orientation, xmp_packet
from crawlset.imaging.paper import whole_key
from crawlset.imaging.sniff import TruncatedError

MAX_PIXELS = 50_000_000
"""Width x height x frames; imgproxy's limit."""
_HAVE_PACKETS = frozenset({"png", "webp", "gif"})
"""Formats whose XMP packet is looked for in the file itself."""
_SHALLOW = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "LAB": "RGB", "HSV": "RGB"}
"""Modes that only few files have, and what they become."""
_DEEP = frozenset({"I", "F"})
"""Modes that do not say which value is white."""


class NoDecoderError(Exception):
    """The library that decodes this format is not installed."""


def _heif() -> tuple[ModuleType, LibHeif] | None:
    with suppress(ImportError):
        plugin = import_module("pi_heif.as_plugin")
        plugin.options.THUMBNAILS = plugin.options.DEPTH_IMAGES = plugin.options.AUX_IMAGES = False
        return plugin, LibHeif(plugin._pi_heif.__file__)  # noqa: SLF001, it has no other name
    return None


def _jpegxl() -> ModuleType | None:
    with suppress(ImportError):
        return import_module("imagecodecs._jpegxl")
    return None


HEIF, JPEGXL = _heif(), _jpegxl()
"""Libraries that need not be there; imported while files can still be opened."""
_EARLY_END = "NEED_MORE_INPUT"


def _heic(stream: io.BytesIO) -> Image.Image:
    """The primary picture, upright: libheif turns it."""
    if HEIF is None:
        raise NoDecoderError("heic")
    plugin, library = HEIF
    image: Image.Image = plugin.HeifImageFile(stream)
    picture = library.primary_picture(stream.getvalue())
    picture.info = image.info
    return picture.convert("L") if image.mode == "L" else picture


def _jxl(stream: io.BytesIO) -> Image.Image:
    """The first frame, upright: libjxl turns it."""
    if JPEGXL is None:
        raise NoDecoderError("jxl")
    try:
        pixels: np.ndarray = JPEGXL.jpegxl_decode(stream.getvalue(), 0, numthreads=1)
    except JPEGXL.JpegxlError as error:
        if _EARLY_END in str(error):
            raise TruncatedError(str(error)) from None
        raise
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        pixels = np.rint(np.nan_to_num(pixels).clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels)


_OPENERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "heic": _heic,
    "ico": IcoImagePlugin.IcoImageFile,
    "jp2": Jpeg2KImagePlugin.Jpeg2KImageFile,
    "jxl": _jxl,
    "tiff": TiffImagePlugin.TiffImageFile,
}

ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
Image.preinit()
LOADED_IN_TIME = ImageCms, ImageOps, ImagePalette
"""What Pillow, as with `preinit`, would import at need: too late where no file can be opened."""
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
"""A child may start no thread."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture out of its file, in so many eighths of its width and height."""

    picture: Image.Image | np.ndarray
    eighths: int
    width: int
    height: int
    mode: str
    orientation: int | None
    packet: bytes | None
    warning: str | None = None
    profile: bytes | None = None
    """ICC."""
    subsampling: str | None = None
    """Chroma subsampling such as `420`, if the pixels are YCbCr, whose first channel is grey."""
    blocks: Blocks = field(default_factory=Blocks)


def open_picture(data: bytes, image_format: str) -> Decoded:
    """
    Through Pillow: every format but the usual JPEG.

    Where a part of the file that holds no pixels is broken, the picture is opened without all such
    parts, and `warning` says what was wrong.
    """
    whole, fault = without_broken_chunks(data, image_format)
    try:
        image, warning = _loaded(whole, image_format)
    except MemoryError:
        raise
    except Exception as error:
        bare = without_extras(data, image_format)
        if bare == whole:
            raise
        try:
            image, _ = _loaded(bare, image_format)
        except Exception:  # noqa: BLE001, the pixels are broken: what was said first is told
            raise error from None
        warning = f"read without what holds no pixels: {error}"
    exif = (_bytes_of(image, "exif") or b"").removeprefix(b"Exif\0\0")
    packet = None
    if image_format in _HAVE_PACKETS:
        packet = xmp_packet(data, image_format)
    elif image_format in {"jp2", "jxl"}:
        packet = xmp_of_boxes(data)
    told = image.info
    if image_format == "jxl":  # upright already: its EXIF is not asked how it is turned
        told = told | {"exif": exif_of_boxes(data)}
    packet = packet or _bytes_of(image, "xmp")
    return Decoded(
        _usual(image),
        8,
        image.width,
        image.height,
        image.mode,
        orientation(exif),
        packet,
        fault or warning,
        profile=_bytes_of(image, "icc_profile"),
        blocks=blocks.in_picture(data, told, packet),
    )


def _bytes_of(image: Image.Image, name: str) -> bytes | None:
    """What Pillow found by this name; a TIFF may say that it is numbers, and says nothing then."""
    found = image.info.get(name)
    return found if isinstance(found, bytes) else None


def _loaded(data: bytes, image_format: str) -> tuple[Image.Image, str | None]:
    """The picture decoded, and what Pillow warned of first."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", "Corrupt EXIF data")
        image = _OPENERS[image_format](io.BytesIO(data))
        if isinstance(image, ImageFile.ImageFile):
            whole_key(image)
        image.load()
    return image, next((str(one.message) for one in told), None)


def _usual(image: Image.Image) -> Image.Image:
    """The picture in a mode that is measured and resized as it is, of 8 bits but for `I;16`."""
    if image.mode in _SHALLOW:
        return image.convert(_SHALLOW[image.mode])
    if image.mode not in _DEEP:
        return image
    values = np.array(image, np.float32)
    np.nan_to_num(values, copy=False)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:  # noqa: PLR2004, as if of 8 bits
        low, high = 0.0, 255.0
    values -= low
    values *= 255 / (high - low or 1.0)
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))

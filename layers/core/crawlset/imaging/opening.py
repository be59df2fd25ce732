"""
Take a picture out of its file with Pillow, which opens every format but the usual JPEG.

Two formats are another library's: HEIC is decoded by `pi_heif` where it is installed, and JPEG XL
in `jpegxl`.
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

from crawlset.imaging import blocks, jpegxl
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.harmless import without_broken_chunks, without_extras
from crawlset.imaging.jpegxl import NoDecoderError
from crawlset.imaging.libheif import LibHeif
from crawlset.imaging.metadata import exif_in_webp, orientation, xmp_packet
from crawlset.imaging.paper import whole_key

MAX_PIXELS = 50_000_000
"""Width x height x frames; imgproxy's limit."""
_SHALLOW = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "LAB": "RGB", "HSV": "RGB"}
"""Modes that only few files have, and what they become."""
_DEEP = frozenset({"I", "F"})
"""Modes that do not say which value is white."""


def _heif() -> tuple[ModuleType, LibHeif] | None:
    with suppress(ImportError):
        plugin = import_module("pi_heif.as_plugin")
        plugin.options.THUMBNAILS = plugin.options.DEPTH_IMAGES = plugin.options.AUX_IMAGES = False
        return plugin, LibHeif(plugin._pi_heif.__file__)  # noqa: SLF001, it has no other name
    return None


HEIF = _heif()
"""A library that need not be there; imported while files can still be opened."""


def _heic(stream: io.BytesIO) -> Image.Image:
    """The primary picture, upright: libheif turns it."""
    if HEIF is None:
        raise NoDecoderError("heic")
    plugin, library = HEIF
    image: Image.Image = plugin.HeifImageFile(stream)
    picture = library.primary_picture(stream.getvalue(), MAX_PIXELS)
    picture.info = image.info
    return picture.convert("L") if image.mode == "L" else picture


def _ico(stream: io.BytesIO) -> Image.Image:
    """The largest picture, with all that it says about itself if it is a PNG."""
    return IcoImagePlugin.IcoFile(stream).frame(0)


_OPENERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "heic": _heic,
    "ico": _ico,
    "jp2": Jpeg2KImagePlugin.Jpeg2KImageFile,
    "jxl": jpegxl.decode,
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
    told = image.info
    if image_format == "webp" and "exif" not in told:
        told["exif"] = exif_in_webp(data)
    exif = (_bytes_of(image, "exif") or b"").removeprefix(b"Exif\0\0")
    if image_format == "jxl":  # upright already: its EXIF is not asked how it is turned
        told["exif"] = jpegxl.exif_block(data)
    packet = xmp_packet(data, image_format) or _bytes_of(image, "xmp")
    return Decoded(
        _usual(image),
        8,
        image.width,
        image.height,
        image.mode,
        orientation(exif) if image_format != "ico" else None,  # no browser turns an icon
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
        if image.width * image.height > MAX_PIXELS:
            detail = f"{image.width}x{image.height}, more than its header says"
            raise Image.DecompressionBombError(detail)
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

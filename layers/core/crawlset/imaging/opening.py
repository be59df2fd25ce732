"""Take a picture out of its file with Pillow, which opens every format but the usual JPEG."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import (
    GifImagePlugin,
    Image,
    ImageFile,
    ImagePalette,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from crawlset.imaging import blocks
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.metadata import orientation, xmp_packet

MAX_PIXELS = 50_000_000
"""Width x height x frames; imgproxy's limit."""
_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
}

ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
Image.preinit()
LOADED_IN_TIME = ImagePalette, TiffImagePlugin
"""What Pillow, as with `preinit`, would import at need: too late where no file can be opened."""
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "Corrupt EXIF data")


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
    """Through Pillow: every format but the usual JPEG."""
    image = _OPENERS[image_format](io.BytesIO(data))
    width, height = image.size
    mode = image.mode
    image.load()
    exif = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
    packet = image.info.get("xmp") if image_format == "jpeg" else xmp_packet(data, image_format)
    return Decoded(
        image,
        8,
        width,
        height,
        mode,
        orientation(exif),
        packet,
        profile=image.info.get("icc_profile"),
        blocks=blocks.in_picture(data, image.info, packet),
    )

"""
Verify an image by decoding it once, and describe what was seen.

Runs in a child process (`decode_worker`), because a decoder is the part of a crawler that an
attacker writes the input for.
"""

import base64
from dataclasses import replace

import numpy as np
import simplejpeg
from PIL import Image

from crawlset.imaging import blocks, jpeg
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.features import (
    CHANNELS,
    Blur,
    Features,
    PartBox,
    Pixels,
    Rejection,
    Take,
    Transformed,
    printable,
)
from crawlset.imaging.hashes import mosaic, without_frame
from crawlset.imaging.jpeg_segments import About, profile
from crawlset.imaging.jpegxl import NoDecoderError
from crawlset.imaging.measures import hashed, measured, without_border
from crawlset.imaging.metadata import data_mining, orientation
from crawlset.imaging.miniature import Miniature, miniature
from crawlset.imaging.mosaic import FEW_LEVELS, packed
from crawlset.imaging.opening import MAX_PIXELS, Decoded, open_picture
from crawlset.imaging.orientation import Box, upright_picture, upright_size
from crawlset.imaging.probing import probe
from crawlset.imaging.resize import can_keep_planes, pixels_of, resize, resize_planes
from crawlset.imaging.scales import smallest_eighths
from crawlset.imaging.sniff import DamagedError, Probe, TruncatedError, sniff, sniff_other
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize, ResizeMode, StoredFormat

_SHORT_SIDE = frozenset({ResizeMode.keep_ratio, ResizeMode.center_crop})
"""Modes whose size is that of the short side."""
_WHOLE = 8
"""Eighths of a side that are all of it."""
_SHARES = {"jp2": 2}
"""What a pixel takes of a child's memory while it is decoded, in times of the usual."""
_CHANNELS = {"1": 1, "L": 1, "LA": 1, "I": 1, "I;16": 1, "I;16B": 1, "F": 1, "CMYK": 4}


def describe(data: bytes, asked: Resize | Blur | Take | None = None) -> Features | Rejection:
    """Decode `data`; whatever the bytes are, the answer is what is wrong with them."""
    image_format = sniff(data)
    if image_format is None:
        return _no_image(data)
    if isinstance(asked, Take):
        if not asked.intake.takes(image_format):
            detail = f"{image_format}, which the job does not take"
            return Rejection(Outcome.unsupported_format, detail)
        asked = asked.intake.wanted(image_format, asked.resize)
    wanted, boxes = (asked.resize, asked.boxes) if isinstance(asked, Blur) else (asked, ())
    try:
        return _described(data, image_format, wanted, boxes)
    except Exception as error:  # noqa: BLE001, a decoder may raise anything on hostile bytes
        return _rejection(error)


def show(data: bytes, max_side: int) -> Pixels | Rejection:
    """
    Decode `data` to upright RGB pixels, made smaller to `max_side` if its longer side is longer.

    Of an animation the first frame. Whatever the bytes are, the answer is what is wrong with them.
    """
    image_format = sniff(data)
    if image_format is None:
        return _no_image(data)
    # A format other than JPEG: planes of colours are no pixels.
    wanted = Resize(ResizeMode.keep_ratio_largest, max_side, True, StoredFormat.png)
    try:
        opened = _opened(data, image_format, wanted)
        return opened if isinstance(opened, Rejection) else _pixels(opened[0], wanted)
    except Exception as error:  # noqa: BLE001, as in `describe`
        return _rejection(error)


def _no_image(data: bytes) -> Rejection:
    other = sniff_other(data)
    if other is not None:
        return Rejection(Outcome.unsupported_format, other)
    return Rejection(Outcome.not_image, "no image signature" if data else "empty body")


def _described(
    data: bytes, image_format: str, wanted: Resize | None, boxes: tuple[PartBox, ...]
) -> Features | Rejection:
    # To blur takes pixels, and a JPEG that becomes another may be decoded to planes of colours.
    like = replace(wanted, format=StoredFormat.png) if wanted and boxes else wanted
    opened = _opened(data, image_format, like)
    if isinstance(opened, Rejection):
        return opened
    decoded, n_frames = opened
    return _features(decoded, image_format, n_frames, wanted, boxes)


def _opened(
    data: bytes, image_format: str, wanted: Resize | None
) -> tuple[Decoded, int] | Rejection:
    """The picture, and the number of its frames."""
    header = jpeg.read_header(data) if image_format == "jpeg" else None
    size = Probe(header.width, header.height) if header else probe(data, image_format, MAX_PIXELS)
    n_pixels = size.width * size.height * size.n_frames
    if n_pixels > MAX_PIXELS // _SHARES.get(image_format, 1):
        detail = f"{size.width}x{size.height}, {size.n_frames} frames"
        return Rejection(Outcome.decompression_bomb, detail)
    decoded = _jpeg(data, header, wanted) if header else open_picture(data, image_format)
    if size.warning is not None:
        decoded = replace(decoded, warning=size.warning)
    return decoded, size.n_frames


def _features(
    decoded: Decoded,
    image_format: str,
    n_frames: int,
    wanted: Resize | None,
    boxes: tuple[PartBox, ...] = (),
) -> Features:
    small = miniature(decoded)
    longest = max(decoded.width, decoded.height)
    inner = without_border(small.grey, small.box)
    core = without_frame(small.grey, small.box, inner)
    hashes, signature = _hashed(small, core)
    measures = measured(small.grey, small.chroma, small.box, longest)
    transformed = _transformed(decoded, wanted, boxes)
    mode = transformed.mode if transformed else decoded.mode
    has_few_levels = measures.scores["entropy"] < FEW_LEVELS
    return Features(
        image_format,
        decoded.width,
        decoded.height,
        decoded.mode,
        n_frames,
        decoded.orientation,
        hashes,
        small.pixel_hash,
        {
            "channels": float(_CHANNELS.get(mode, 3)),
            "border": round(1 - _area(inner) / _area(small.box), 4),
            "blur": measures.blur,
            "colour": measures.colour,
            **measures.scores,
        },
        decoded.warning and printable(decoded.warning),
        data_mining(decoded.packet),
        blocks.read(decoded.blocks),
        transformed,
        colours=measures.colours,
        mosaic=packed(mosaic(small.grey, core)) if has_few_levels else None,
        is_clear=small.is_clear,
        signature=base64.b64encode(signature).decode(),
    )


def _hashed(small: Miniature, core: Box) -> tuple[tuple[int, ...], bytes]:
    """Perceptual hashes of the part `core`, and its signature; and those on the other paper."""
    hashes, signature = hashed(small.grey, small.chroma, core)
    if small.otherwise is None:
        return hashes, signature
    inner = without_border(small.otherwise, small.box)
    (whole, *_), other = hashed(small.otherwise, small.chroma, inner)
    return (*hashes, whole), signature + other


def _transformed(
    decoded: Decoded, wanted: Resize | None, boxes: tuple[PartBox, ...]
) -> Transformed | None:
    """The picture as it is to be stored: upright, since no EXIF goes with it."""
    if wanted is None:
        return None
    about = About(decoded.packet, decoded.profile)
    size = decoded.width, decoded.height
    picture = decoded.picture
    if not isinstance(picture, Image.Image) and decoded.subsampling is not None:
        part = decoded.eighths / _WHOLE
        subsampling = decoded.subsampling if decoded.eighths == _WHOLE else "444"
        covered = decoded.width * part, decoded.height * part
        return resize_planes(picture, subsampling, covered, size, wanted, about)
    original = upright_size(*size, decoded.orientation)
    return resize(_upright(decoded), wanted, about, original, boxes)


def _pixels(decoded: Decoded, wanted: Resize) -> Pixels:
    size = upright_size(decoded.width, decoded.height, decoded.orientation)
    pixels = pixels_of(_upright(decoded), wanted, size)
    height, width, _ = pixels.shape
    return Pixels(np.broadcast_to(pixels, (height, width, CHANNELS)).tobytes(), width, height)


def _upright(decoded: Decoded) -> Image.Image:
    picture = decoded.picture
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(picture if picture.shape[2] > 1 else picture[:, :, 0])
    return upright_picture(picture, decoded.orientation)


def _jpeg(data: bytes, header: jpeg.Header, wanted: Resize | None) -> Decoded:
    if not header.is_huffman or header.mode not in {"L", "RGB"}:
        return open_picture(data, "jpeg")
    width, height = header.width, header.height
    turned = orientation(header.exif) if header.exif else None
    colours, subsampling = _colours(data, header, turned, wanted)
    eighths = _eighths(width, height, wanted)
    least = -(-width * eighths // 8), -(-height * eighths // 8)
    try:
        pixels, warning = jpeg.decode(data, header, colours, least)
    except ValueError as error:
        if "nsufficient memory" in str(error):
            raise MemoryError from None
        return open_picture(data, "jpeg")
    return Decoded(
        pixels,
        eighths,
        width,
        height,
        header.mode,
        turned,
        header.xmp,
        warning,
        profile(data) if wanted is not None else None,
        subsampling,
        Blocks(header.exif or b"", header.photoshop, header.xmp or b""),
    )


def _colours(
    data: bytes, header: jpeg.Header, turned: int | None, wanted: Resize | None
) -> tuple[str, str | None]:
    """What to decode to, and the subsampling if the planes can be kept."""
    if wanted is None:
        if header.mode == "L":
            return "GRAY", None
        _, _, space, _ = simplejpeg.decode_jpeg_header(data, strict=False)
        return ("YCC", "444") if space == "YCbCr" and not header.junk else ("RGB", None)
    is_plain = turned in {None, 1} and not header.junk
    _, _, space, subsampling = simplejpeg.decode_jpeg_header(data, strict=False)
    subsampling = "444" if header.mode == "L" else str(subsampling)
    if is_plain and can_keep_planes(subsampling, (header.width, header.height), wanted):
        if header.mode == "L":
            return "GRAY", subsampling
        if space == "YCbCr":
            return "YCC", subsampling
    return ("GRAY" if header.mode == "L" else "RGB"), None


def _eighths(width: int, height: int, wanted: Resize | None) -> int:
    """The smallest DCT scale that leaves as many pixels as are measured, and as are wanted."""
    smallest = smallest_eighths(width, height)
    for eighths in (1, 2, 4):
        sides = sorted((width * eighths // 8, height * eighths // 8))
        if eighths >= smallest and (wanted is None or _suffices(sides, wanted)):
            return eighths
    return _WHOLE


def _suffices(sides: list[int], wanted: Resize) -> bool:
    """Whether nothing of the picture wanted is lost at these sides, short and long."""
    if wanted.mode == ResizeMode.no:
        return False
    return sides[0 if wanted.mode in _SHORT_SIDE else 1] >= wanted.size


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _rejection(error: Exception) -> Rejection:
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        return Rejection(Outcome.decompression_bomb, "needs more memory than a decoder gets")
    if isinstance(error, NoDecoderError):
        outcome = Outcome.unsupported_format
    elif isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        outcome = Outcome.decompression_bomb
    elif isinstance(error, DamagedError):
        outcome = Outcome.damaged
    elif isinstance(error, TruncatedError | EOFError) or "truncated" in message.lower():
        outcome = Outcome.truncated
    else:
        outcome = Outcome.decode_error
    return Rejection(outcome, printable(message))

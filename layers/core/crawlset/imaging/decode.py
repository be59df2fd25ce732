"""
Verify an image by decoding it once, and describe what was seen.

Runs in a child process (`decode_worker`), because a decoder is the part of a crawler that an
attacker writes the input for.
"""

import numpy as np
import simplejpeg
from PIL import Image

from crawlset.imaging import blocks, jpeg
from crawlset.imaging.blocks import Blocks
from crawlset.imaging.features import Features, Rejection, Transformed
from crawlset.imaging.hashes import Box, phashes, pixel_hash, without_border
from crawlset.imaging.jpeg_segments import About, profile
from crawlset.imaging.metadata import data_mining, orientation
from crawlset.imaging.opening import MAX_PIXELS, Decoded, open_picture
from crawlset.imaging.resize import can_keep_planes, resize, resize_planes
from crawlset.imaging.scores import blur, colour, scores
from crawlset.imaging.sniff import DamagedError, Probe, TruncatedError, probe, sniff, sniff_other
from crawlset.outcomes import Outcome
from crawlset.resizing import Resize, ResizeMode

SMALL_SIDE = 64
"""Pixels left at least of the short side by a decoding at a DCT scale."""
_COARSE_SIDE = 32
"""Pixels left at least for hashes, which are 32 x 32, and edges."""
_LONG_SIDE = 512
_MAX_DETAIL = 200
_SHORT_SIDE = frozenset({ResizeMode.keep_ratio, ResizeMode.center_crop})
"""Modes whose size is that of the short side."""
_UPRIGHT: dict[int | None, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture of an EXIF orientation upright."""
_WHOLE = 8
"""Eighths of a side that are all of it."""
_SIDEWAYS = frozenset({5, 6, 7, 8})
_GREY = frozenset({"1", "L", "LA", "I", "I;16", "I;16B"})
_CHANNELS = {"1": 1, "L": 1, "LA": 1, "I": 1, "I;16": 1, "I;16B": 1, "CMYK": 4}


def describe(data: bytes, wanted: Resize | None = None) -> Features | Rejection:
    """Decode `data`; whatever the bytes are, the answer is what is wrong with them."""
    image_format = sniff(data)
    if image_format is None:
        other = sniff_other(data)
        if other is not None:
            return Rejection(Outcome.unsupported_format, other)
        return Rejection(Outcome.not_image, "no image signature" if data else "empty body")
    try:
        header = jpeg.read_header(data) if image_format == "jpeg" else None
        size = (
            Probe(header.width, header.height, 1)
            if header
            else probe(data, image_format, MAX_PIXELS)
        )
        if size.width * size.height * size.n_frames > MAX_PIXELS:
            detail = f"{size.width}x{size.height}, {size.n_frames} frames"
            return Rejection(Outcome.decompression_bomb, detail)
        decoded = _jpeg(data, header, wanted) if header else open_picture(data, image_format)
        return _features(decoded, image_format, size.n_frames, wanted)
    except Exception as error:  # noqa: BLE001, a decoder may raise anything on hostile bytes
        return _rejection(error)


def _features(
    decoded: Decoded, image_format: str, n_frames: int, wanted: Resize | None
) -> Features:
    pixels, box = _small(decoded)
    inner = without_border(pixels, box)
    exact = pixels.astype(np.float64)
    longest = max(decoded.width, decoded.height)
    return Features(
        image_format,
        decoded.width,
        decoded.height,
        decoded.mode,
        n_frames,
        decoded.orientation,
        phashes(exact, inner),
        pixel_hash(pixels),
        {
            "channels": float(_CHANNELS.get(decoded.mode, 3)),
            "border": round(1 - _area(inner) / _area(box), 4),
            "blur": blur(pixels, box, longest),
            "colour": colour(_chroma(decoded)),
            **scores(pixels),
        },
        decoded.warning,
        data_mining(decoded.packet),
        blocks.read(decoded.blocks),
        _transformed(decoded, wanted),
    )


def _chroma(decoded: Decoded) -> np.ndarray | None:
    """Cb and Cr of some pixels (height, width, 2); None for a picture of one channel."""
    picture = decoded.picture
    if isinstance(picture, Image.Image):
        if picture.mode in _GREY:
            return None
        least = max(1, min(picture.size) // SMALL_SIDE)
        small = _opaque(picture).convert("RGB").reduce(least)
    elif picture.shape[2] == 1:
        return None
    elif decoded.subsampling is not None:
        return picture[:, :, 1:]
    else:
        small = Image.fromarray(picture)
    return np.asarray(small.convert("YCbCr"))[:, :, 1:]


def _transformed(decoded: Decoded, wanted: Resize | None) -> Transformed | None:
    """The picture as it is to be stored: upright, since no EXIF goes with it."""
    if wanted is None:
        return None
    about = About(decoded.packet, decoded.profile)
    size = decoded.width, decoded.height
    picture = decoded.picture
    if not isinstance(picture, Image.Image):
        if decoded.subsampling is not None:
            part = decoded.eighths / 8
            subsampling = decoded.subsampling if decoded.eighths == _WHOLE else "444"
            covered = decoded.width * part, decoded.height * part
            return resize_planes(picture, subsampling, covered, size, wanted, about)
        picture = Image.fromarray(picture if picture.shape[2] > 1 else picture[:, :, 0])
    turn = _UPRIGHT.get(decoded.orientation)
    if turn is not None:
        picture = picture.transpose(turn)
        size = size[::-1] if decoded.orientation in _SIDEWAYS else size
    return resize(picture, wanted, about, size)


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
    """The smallest DCT scale that leaves `SMALL_SIDE` pixels, and as many as are wanted."""
    for eighths in (1, 2, 4):
        sides = sorted((width * eighths // 8, height * eighths // 8))
        if sides[0] >= SMALL_SIDE and (wanted is None or _suffices(sides, wanted)):
            return eighths
    return 8


def _suffices(sides: list[int], wanted: Resize) -> bool:
    """Whether nothing of the picture wanted is lost at these sides, short and long."""
    if wanted.mode == ResizeMode.no:
        return False
    return sides[0 if wanted.mode in _SHORT_SIDE else 1] >= wanted.size


def _small(decoded: Decoded) -> tuple[np.ndarray, Box]:
    """
    Grey pixels (height, width) with a short side of `SMALL_SIDE` to twice that, and their box.

    The box is what the picture covers of them: decoding rounds sides up. They are as many however
    large the picture was decoded. A long side is kept below twice `_LONG_SIDE`.
    """
    picture = decoded.picture
    if not isinstance(picture, Image.Image):
        is_grey = decoded.subsampling is not None or picture.shape[2] == 1
        picture = np.ascontiguousarray(picture[:, :, 0]) if is_grey else Image.fromarray(picture)
    if isinstance(picture, Image.Image):
        picture = np.asarray(_grey(picture))
    pixels = picture
    smallest = _eighths(decoded.width, decoded.height, None)
    width, height = decoded.width * smallest / 8, decoded.height * smallest / 8
    least = max(1, int(min(width, height)) // SMALL_SIDE)
    x, y = (max(least, int(side) // _LONG_SIDE) for side in (width, height))
    box = 0.0, 0.0, width / x, height / y
    shrink = decoded.eighths // smallest
    if shrink * x == shrink * y == 1:
        return pixels, box
    return np.asarray(Image.fromarray(pixels).reduce((shrink * x, shrink * y))), box


def _grey(image: Image.Image) -> Image.Image:
    if image.mode == "L":
        return image
    if image.mode.startswith("I;16"):
        high_byte = 0 if image.mode == "I;16B" else 1
        return Image.frombytes("L", image.size, image.tobytes()[high_byte::2])
    return _opaque(image).convert("L")


def _opaque(image: Image.Image) -> Image.Image:
    """A palette without its transparent colours, which Pillow warns of."""
    if image.mode == "P":
        image = image.copy()
        image.info.pop("transparency", None)
    return image


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _rejection(error: Exception) -> Rejection:
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        return Rejection(Outcome.decompression_bomb, "needs more memory than a decoder gets")
    if isinstance(error, Image.DecompressionBombWarning):
        outcome = Outcome.decompression_bomb
    elif isinstance(error, DamagedError):
        outcome = Outcome.damaged
    elif isinstance(error, TruncatedError | EOFError) or "truncated" in message.lower():
        outcome = Outcome.truncated
    else:
        outcome = Outcome.decode_error
    return Rejection(outcome, message[:_MAX_DETAIL])

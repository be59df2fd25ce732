"""Pictures derived from the photographs, byte for byte the same at every start."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BytesIO

from PIL import Image

from crawlset_local.sample_site.bombs import png_of_pixels
from crawlset_local.sample_site.photographs import photograph_pixels, photograph_size

Box = tuple[float, float, float, float]

BOMB_SIDE = 20_000
N_FRAMES = 8
_ORIENTATION, _TURNED_RIGHT = 0x0112, 6
_TRACKING_PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


class Encoding(StrEnum):
    jpeg = "jpeg"
    png = "png"
    webp = "webp"
    gif = "gif"
    tiff = "tiff"

    @property
    def suffix(self) -> str:
        return "jpg" if self is Encoding.jpeg else self.value


class Treatment(StrEnum):
    """What is odd about a picture; `plain` for nothing."""

    plain = "plain"
    cmyk = "cmyk"
    exif_rotated = "exif_rotated"
    sixteen_bit = "sixteen_bit"
    animated = "animated"
    truncated = "truncated"
    tracking_pixel = "tracking_pixel"
    decompression_bomb = "decompression_bomb"


@dataclass(frozen=True)
class Picture:
    """
    How to derive one picture.

    `box` is left, top, right, bottom in fractions of the photograph; `side` is the longest side in
    pixels, and never more than the crop has.
    """

    photograph: str
    box: Box = (0.0, 0.0, 1.0, 1.0)
    side: int = 480
    is_mirrored: bool = False
    encoding: Encoding = Encoding.jpeg
    quality: int = 85
    treatment: Treatment = Treatment.plain


def dimensions(picture: Picture) -> tuple[int, int]:
    """Width and height as the file's header will tell them, without making the picture."""
    if picture.treatment is Treatment.tracking_pixel:
        return 1, 1
    if picture.treatment is Treatment.decompression_bomb:
        return BOMB_SIDE, BOMB_SIDE
    left, top, right, bottom = _crop(picture)
    width, height = right - left, bottom - top
    scale = min(1.0, picture.side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


@cache
def encode(picture: Picture) -> bytes:
    """The file; made once a process."""
    match picture.treatment:
        case Treatment.tracking_pixel:
            return _TRACKING_PIXEL
        case Treatment.decompression_bomb:
            return png_of_pixels(BOMB_SIDE)
        case Treatment.animated:
            return _animated(picture)
    whole = _save(_treated(_pixels(picture), picture.treatment), picture)
    return whole[: len(whole) * 3 // 5] if picture.treatment is Treatment.truncated else whole


def _crop(picture: Picture) -> tuple[int, int, int, int]:
    width, height = photograph_size(picture.photograph)
    left, top, right, bottom = picture.box
    return round(left * width), round(top * height), round(right * width), round(bottom * height)


def _pixels(picture: Picture) -> Image.Image:
    photograph = photograph_pixels(picture.photograph)
    image = photograph.resize(
        dimensions(picture), Image.Resampling.BICUBIC, box=_crop(picture), reducing_gap=3.0
    )
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if picture.is_mirrored else image


def _treated(image: Image.Image, treatment: Treatment) -> Image.Image:
    match treatment:
        case Treatment.cmyk:
            return image.convert("CMYK")
        case Treatment.sixteen_bit:
            return _sixteen_bit(image)
        case _:
            return image


def _save(image: Image.Image, picture: Picture) -> bytes:
    file = BytesIO()
    match picture.encoding:
        case Encoding.jpeg:
            image.save(file, "JPEG", quality=picture.quality, exif=_exif(picture.treatment))
        case Encoding.webp:
            image.save(file, "WEBP", quality=picture.quality, method=2)
        case Encoding.png:
            image.save(file, "PNG", compress_level=3)
        case Encoding.gif:
            image.convert("P", palette=Image.Palette.ADAPTIVE).save(file, "GIF")
        case Encoding.tiff:
            image.save(file, "TIFF")
    return file.getvalue()


def _exif(treatment: Treatment) -> Image.Exif:
    exif = Image.Exif()
    if treatment is Treatment.exif_rotated:
        exif[_ORIENTATION] = _TURNED_RIGHT
    return exif


def _sixteen_bit(image: Image.Image) -> Image.Image:
    grey = image.convert("L")
    doubled = Image.merge("LA", (grey, grey)).tobytes()
    return Image.frombytes("I;16", grey.size, doubled)


def _animated(picture: Picture) -> bytes:
    first = _pixels(picture).convert("P", palette=Image.Palette.ADAPTIVE)
    step = first.width // N_FRAMES
    frames = [
        first.crop((n * step, 0, n * step + first.width, first.height)) for n in range(N_FRAMES)
    ]
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0)
    return file.getvalue()

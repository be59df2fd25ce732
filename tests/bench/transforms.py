"""What people do to pictures before they publish them again: the twelve usual ways, and ten odd."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Transform = Callable[[Image.Image], bytes]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, image_format: str = "JPEG", quality: int = 90) -> bytes:
    body = io.BytesIO()
    image.save(body, image_format, quality=quality)
    return body.getvalue()


def cropped(image: Image.Image, *shares: float) -> Image.Image:
    """Without these shares of its sides: left, top, right, bottom."""
    left, top, right, bottom = shares
    w, h = image.size
    return image.crop(
        (round(w * left), round(h * top), round(w * (1 - right)), round(h * (1 - bottom)))
    )


def trimmed(image: Image.Image, share: float) -> Image.Image:
    """Without a frame that is this share of both sides, half of it at each end."""
    return cropped(image, share / 2, share / 2, share / 2, share / 2)


def framed(image: Image.Image, share: float, colour: tuple[int, int, int]) -> Image.Image:
    margin = round(share * max(image.size))
    framed = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * margin), colour)
    framed.paste(image, (margin, margin))
    return framed


def scaled(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def watermarked(image: Image.Image) -> Image.Image:
    """Large letters across the middle, half transparent."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    size = max(10, image.width // 9)
    draw.text(
        (image.width / 2, image.height / 2),
        "PREVIEW",
        fill=(255, 255, 255, 128),
        font_size=size,
        anchor="mm",
    )
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def rotated(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=BLACK)


def mirrored(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def brighter(image: Image.Image, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


USUAL: dict[str, Transform] = {
    "JPEG, quality 30": lambda image: encoded(image, quality=30),
    "WebP, quality 50": lambda image: encoded(image, "WEBP", 50),
    "half the size": lambda image: encoded(scaled(image, 0.5)),
    "a quarter of the size": lambda image: encoded(scaled(image, 0.25)),
    "blurred": lambda image: encoded(image.filter(ImageFilter.GaussianBlur(2))),
    "brighter by 30 %": lambda image: encoded(brighter(image, 1.3)),
    "watermark": lambda image: encoded(watermarked(image)),
    "white border of 5 %": lambda image: encoded(framed(image, 0.05, WHITE)),
    "cropped by 3 %": lambda image: encoded(trimmed(image, 0.03)),
    "cropped by 10 %": lambda image: encoded(trimmed(image, 0.10)),
    "turned by 5 degrees": lambda image: encoded(rotated(image, 5)),
    "mirrored": lambda image: encoded(mirrored(image)),
}
ODD: dict[str, Transform] = {
    "cropped by 7 %": lambda image: encoded(trimmed(image, 0.07)),
    "cropped by 15 %": lambda image: encoded(trimmed(image, 0.15)),
    "10 % cut off one side": lambda image: encoded(cropped(image, 0.10, 0, 0, 0)),
    "black border of 8 %": lambda image: encoded(framed(image, 0.08, BLACK)),
    "turned by 3 degrees": lambda image: encoded(rotated(image, 3)),
    "turned by 8 degrees": lambda image: encoded(rotated(image, 8)),
    "mirrored, JPEG quality 40": lambda image: encoded(mirrored(image), quality=40),
    "cropped by 5 %, brighter": lambda image: encoded(brighter(trimmed(image, 0.05), 1.2)),
    "more contrast": lambda image: encoded(ImageEnhance.Contrast(image).enhance(1.5)),
    "middle, magnified 1.5 times": lambda image: encoded(scaled(trimmed(image, 1 / 3), 1.5)),
}

"""Measures of a stored image, taken when it was fetched: their SQL, and their words for people."""

from dataclasses import dataclass
from math import log2
from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, func
from sqlalchemy.orm import InstrumentedAttribute

from crawlset.models import Image
from crawlset.validation.quantities import (
    Quantity,
    area,
    bits,
    file_size,
    number,
    percent,
    pixels,
    ratio,
)

NUMBER = Float(53)
CHOICE_OF_THREE = log2(3)


@dataclass(frozen=True, slots=True)
class Measure(Quantity):
    """A quantity that each stored image has, or null."""

    value: ColumnElement[Any] | InstrumentedAttribute[Any]
    meaning: str = ""
    span: tuple[float, float] = (0, 1)
    """The range that a report counts it in; of a size, its decimal logarithm's."""


def _score(name: str) -> ColumnElement[float]:
    return cast(Image.scores[name].astext, NUMBER)


def measurement(measurer: str) -> Any:
    """What `measurer` made of an image, as JSONB; null if it has not measured it."""
    return Image.measurements[measurer]


_LONGER = func.greatest(Image.width, Image.height)
_SHORTER = func.least(Image.width, Image.height)
_RATIO = cast(_LONGER, NUMBER) / func.nullif(_SHORTER, 0)
_CHANNELS = case((_score("channels") > 1, CHOICE_OF_THREE), else_=0.0)

FILE_SIZE = Measure("file size", file_size, Image.file_size, span=(1, 8))
WIDTH = Measure("width", pixels, Image.width, span=(0, 5))
HEIGHT = Measure("height", pixels, Image.height, span=(0, 5))
AREA = Measure("area", area, cast(Image.width, NUMBER) * Image.height)
BOUNDED = {
    "file_size": FILE_SIZE,
    "width": WIDTH,
    "height": HEIGHT,
    "short_side": Measure("short side", pixels, _SHORTER),
    "long_side": Measure("long side", pixels, _LONGER),
    "area": AREA,
    "aspect_ratio": Measure("aspect ratio", ratio, _RATIO),
    "frames": Measure("number of frames", number, Image.n_frames),
}
"""The measures that a rule may bound on both sides, by the rule's check."""

BRIGHTEST = Measure(
    "brightness of the brightest parts",
    percent,
    _score("brightness_p99"),
    "99th percentile of its pixels; 0 % is black",
)
DARKEST = Measure(
    "brightness of the darkest parts",
    percent,
    _score("brightness_p5"),
    "5th percentile of its pixels; 100 % is white",
)
GREY_ENTROPY = Measure(
    "entropy", bits, _score("entropy"), "how much there is to see; 0 is one flat colour", (0, 8)
)
COLOUR_ENTROPY = Measure("entropy", bits, _score("entropy") + _CHANNELS)
"""Cleanvision's entropy: over all channels at once, which adds the choice between three."""
SHARPNESS = Measure(
    "sharpness", number, _score("blur"), "cleanvision's score from 0, blurred, to 1, sharp"
)
COLOUR = Measure(
    "colour of the most colourful parts",
    number,
    _score("colour"),
    "from 0, grey, to 0.5",
    (0, 0.5),
)
UNIFORMITY = Measure(
    "share of nearly equal pixels", percent, _score("uniformity"), "within 16 grey levels"
)
BORDER = Measure("share of the area that is a frame", percent, _score("border"))

REPORTED = {
    "file_size": FILE_SIZE,
    "width": WIDTH,
    "height": HEIGHT,
    "brightness_p99": BRIGHTEST,
    "brightness_p5": DARKEST,
    "entropy": GREY_ENTROPY,
    "blur": SHARPNESS,
    "colour": COLOUR,
    "uniformity": UNIFORMITY,
    "border": BORDER,
}
"""The measures that a report shows histograms of, by their names in it."""
LOGARITHMIC = frozenset({"file_size", "width", "height"})
"""The sizes among them, whose histograms are of their decimal logarithm."""

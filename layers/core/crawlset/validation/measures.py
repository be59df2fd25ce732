"""Measures of a stored image, taken when it was fetched: their SQL, and their words for people."""

from dataclasses import dataclass
from math import log2
from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, func
from sqlalchemy.orm import InstrumentedAttribute

from crawlset.models import Image
from crawlset.validation import quantities
from crawlset.validation.quantities import Quantity

NUMBER = Float(53)
CHOICE_OF_THREE = log2(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Quantity):
    """A quantity that each stored image has, or null."""

    value: ColumnElement[Any] | InstrumentedAttribute[Any]
    meaning: str = ""


def _score(name: str) -> ColumnElement[float]:
    return cast(Image.scores[name].astext, NUMBER)


_LONGER = func.greatest(Image.width, Image.height)
_SHORTER = func.least(Image.width, Image.height)

FILE_SIZE = Measure(name="file size", amount=quantities.file_size, value=Image.file_size)
WIDTH = Measure(name="width", amount=quantities.pixels, value=Image.width)
HEIGHT = Measure(name="height", amount=quantities.pixels, value=Image.height)
AREA = Measure(name="area", amount=quantities.area, value=cast(Image.width, NUMBER) * Image.height)
BOUNDED = {
    "file_size": FILE_SIZE,
    "width": WIDTH,
    "height": HEIGHT,
    "short_side": Measure(name="short side", amount=quantities.pixels, value=_SHORTER),
    "long_side": Measure(name="long side", amount=quantities.pixels, value=_LONGER),
    "area": AREA,
    "aspect_ratio": Measure(
        name="aspect ratio",
        amount=quantities.ratio,
        value=cast(_LONGER, NUMBER) / func.nullif(_SHORTER, 0),
    ),
    "frames": Measure(name="number of frames", value=Image.n_frames),
}
"""The measures that a rule may bound on both sides, by the rule's check."""

BRIGHTEST = Measure(
    name="brightness of the brightest parts",
    amount=quantities.percent,
    meaning="99th percentile of its pixels; 0 % is black",
    value=_score("brightness_p99"),
)
DARKEST = Measure(
    name="brightness of the darkest parts",
    amount=quantities.percent,
    meaning="5th percentile of its pixels; 100 % is white",
    value=_score("brightness_p5"),
)
GREY_ENTROPY = Measure(
    name="entropy",
    amount=quantities.bits,
    meaning="how much there is to see; 0 is one flat colour",
    value=_score("entropy"),
)
COLOUR_ENTROPY = Measure(
    name="entropy",
    amount=quantities.bits,
    value=_score("entropy") + case((_score("channels") > 1, CHOICE_OF_THREE), else_=0.0),
)
"""Cleanvision's entropy: over all channels at once, which adds the choice between three."""
SHARPNESS = Measure(
    name="sharpness",
    meaning="cleanvision's score from 0, blurred, to 1, sharp",
    value=_score("blur"),
)
COLOUR = Measure(
    name="colour of the most colourful parts",
    meaning="from 0, grey, to 0.5",
    value=_score("colour"),
)
UNIFORMITY = Measure(
    name="share of nearly equal pixels",
    amount=quantities.percent,
    meaning="within 16 grey levels",
    value=_score("uniformity"),
)
BORDER = Measure(
    name="share of the area that is a frame", amount=quantities.percent, value=_score("border")
)

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

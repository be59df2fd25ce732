"""Rules, and what images measured against them, in words for people."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from crawlset.validation.rules import Bounds, Rule, Severity

_THOUSAND = 1_000
_MILLION = 1_000_000
_MAX_DECIMALS = 6
_NAMED = 5


def number(value: float) -> str:
    """Three significant digits, thousands apart, and never an exponent: `12,345`, `0.0123`."""
    if value == round(value) or abs(value) >= _THOUSAND:
        return f"{value:,.0f}"
    decimals = min(max(0, 2 - floor(log10(abs(value)))), _MAX_DECIMALS)
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def _bytes(value: float) -> str:
    if value < _THOUSAND:
        return f"{number(value)} bytes"
    if value < _MILLION:
        return f"{number(value / _THOUSAND)} kB"
    return f"{number(value / _MILLION)} MB"


def _area(value: float) -> str:
    if value < _MILLION:
        return f"{number(value)} pixels"
    return f"{number(value / _MILLION)} megapixels"


def _pixels(value: float) -> str:
    return f"{number(value)} px"


def _percent(value: float) -> str:
    return f"{number(100 * value)} %"


def _bits(value: float) -> str:
    return f"{number(value)} bits"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that is measured."""

    name: str
    amount: Callable[[float], str]
    """A value with its unit."""
    meaning: str = ""


BRIGHTEST = Quantity(
    "brightness of the brightest parts", _percent, "99th percentile of its pixels; 0 % is black"
)
DARKEST = Quantity(
    "brightness of the darkest parts", _percent, "5th percentile of its pixels; 100 % is white"
)
ENTROPY = Quantity("entropy", _bits, "how much there is to see; 0 is one flat colour")
SHARPNESS = Quantity("sharpness", number, "cleanvision's score from 0, blurred, to 1, sharp")
COLOUR = Quantity("colour of the most colourful parts", number, "from 0, grey, to 0.5")
UNIFORMITY = Quantity("share of nearly equal pixels", _percent, "within 16 grey levels")
BORDER = Quantity("share of the area that is a frame", _percent)

MEASURES = {
    "file_size": Quantity("file size", _bytes),
    "width": Quantity("width", _pixels),
    "height": Quantity("height", _pixels),
    "brightness_p99": BRIGHTEST,
    "brightness_p5": DARKEST,
    "entropy": ENTROPY,
    "blur": SHARPNESS,
    "colour": COLOUR,
    "uniformity": UNIFORMITY,
    "border": BORDER,
}
"""By the names that a report's histograms have."""

_BY_CHECK = {
    "file_size": MEASURES["file_size"],
    "width": MEASURES["width"],
    "height": MEASURES["height"],
    "short_side": Quantity("short side", _pixels),
    "long_side": Quantity("long side", _pixels),
    "area": Quantity("area", _area),
    "aspect_ratio": Quantity("aspect ratio", lambda value: f"{number(value)} to 1"),
    "frames": Quantity("number of frames", number),
    "dark": BRIGHTEST,
    "light": DARKEST,
    "low_information": ENTROPY,
    "blurry": SHARPNESS,
    "grayscale": COLOUR,
    "uniform": UNIFORMITY,
    "border": BORDER,
    "odd_size": Quantity("side of a square of its area", _pixels),
    "class_size": Quantity("number of images of its class", number),
    "host_cap": Quantity("images of its host", number),
    "creator_cap": Quantity("images of its creator", number),
}
_MEASURED = Quantity("measured", number)

CONSEQUENCES = {
    Severity.reject: "rejected",
    Severity.quarantine: "put in quarantine",
    Severity.warn: "kept, with a warning",
    Severity.tag: "kept, with a tag",
}
"""What becomes of an image that breaks a rule, by its severity."""


def wanted(rule: Rule) -> str:
    """What `rule` wants of an image: `short side of at least 64 px`."""
    quantity = _BY_CHECK.get(rule.check)
    params: Any = rule.params
    if words := _OF_A_KIND.get(rule.check):
        return words(params)
    if quantity is None:
        return rule.check
    if isinstance(params, Bounds):
        return f"{quantity.name} of {_between(params, quantity)}"
    if hasattr(params, "below"):
        return f"{quantity.name} of at least {quantity.amount(params.below)}"
    return f"{quantity.name} of at most {quantity.amount(params.above)}"


def finding(rule: Rule | None, measured: float | None, threshold: float | None) -> str | None:
    """Why an image breaks `rule`: `short side 60 px, at least 64 px wanted`; None if not known."""
    if measured is None:
        return f"wanted: {wanted(rule)}" if rule is not None else None
    quantity = _BY_CHECK.get(rule.check, _MEASURED) if rule is not None else _MEASURED
    found = f"{quantity.name} {quantity.amount(measured)}"
    if threshold is None:
        return found
    bound = "at least" if measured < threshold else "at most"
    return f"{found}, {bound} {quantity.amount(threshold)} wanted"


def _between(bounds: Bounds, quantity: Quantity) -> str:
    if bounds.min is None and bounds.max is not None:
        return f"at most {quantity.amount(bounds.max)}"
    least = quantity.amount(bounds.min or 0)
    if bounds.max is None:
        return f"at least {least}"
    return f"{least} to {quantity.amount(bounds.max)}"


def _any_of(names: tuple[str, ...]) -> str:
    return " or ".join(_shown(names))


def _all_of(names: tuple[str, ...]) -> str:
    return " and ".join(name.replace("_", " ") for name in _shown(names))


def _shown(names: tuple[str, ...]) -> list[str]:
    more = [f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else []
    return [*names[:_NAMED], *more]


_OF_A_KIND: dict[str, Callable[[Any], str]] = {
    "format": lambda params: f"format {_any_of(params.allowed)}",
    "decode": lambda _: "a file in which the decoder finds nothing odd",
    "licence": lambda params: f"licence {_any_of(params.allowed)}",
    "provenance": lambda params: f"known {_all_of(params.required)}",
    "policy": lambda params: f"no source or signal that refuses {params.intended_use} use",
    "host": lambda params: f"not from {_any_of(params.denied)}",
    "odd_size": lambda params: (
        f"a size within {number(params.iqr_factor)} times the spread of the middle half"
    ),
    "exact_duplicates": lambda params: f"no other image with the same {params.by}",
    "near_duplicates": lambda _: "no other image that looks the same",
    "host_cap": lambda params: f"at most {number(params.max)} images of its host",
    "creator_cap": lambda params: f"at most {number(params.max)} images of its creator",
    "leakage": lambda _: "not in the other set as well",
    "custom": lambda params: f"what the validator {params.validator} asks for",
}

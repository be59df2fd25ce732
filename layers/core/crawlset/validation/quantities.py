"""Quantities that rules are about: their names, units and amounts for people."""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10

THOUSAND = 1_000
MILLION = 1_000_000
MAX_DECIMALS = 6


def number(value: float) -> str:
    """Three significant digits, thousands apart, and never an exponent: `12,345`, `0.0123`."""
    if value == round(value) or abs(value) >= THOUSAND:
        return f"{value:,.0f}"
    decimals = min(max(0, 2 - floor(log10(abs(value)))), MAX_DECIMALS)
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def file_size(value: float) -> str:
    if value < THOUSAND:
        return f"{number(value)} bytes"
    if value < MILLION:
        return f"{number(value / THOUSAND)} kB"
    return f"{number(value / MILLION)} MB"


def area(value: float) -> str:
    if value < MILLION:
        return f"{number(value)} pixels"
    return f"{number(value / MILLION)} megapixels"


def pixels(value: float) -> str:
    return f"{number(value)} px"


def percent(value: float) -> str:
    return f"{number(100 * value)} %"


def bits(value: float) -> str:
    return f"{number(value)} bits"


def ratio(value: float) -> str:
    return f"{number(value)} to 1"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that is measured or counted."""

    name: str
    amount: Callable[[float], str]
    """Gives a value with its unit."""

    def at_least(self, value: float) -> str:
        return f"{self.name} of at least {self.amount(value)}"

    def at_most(self, value: float) -> str:
        return f"{self.name} of at most {self.amount(value)}"

    def compare(self, measured: float, threshold: float | None) -> str:
        """Say why an image breaks a rule: `short side 60 px, at least 64 px wanted`."""
        found = f"{self.name} {self.amount(measured)}"
        if threshold is None:
            return found
        bound = "at least" if measured < threshold else "at most"
        return f"{found}, {bound} {self.amount(threshold)} wanted"


MEASURED = Quantity("measured", number)
"""The quantity of a rule that does not say what it measures."""

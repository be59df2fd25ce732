"""What an image file says about itself: the fields that are kept of it."""

import math

MAX_TEXT = 500
"""Characters kept of a text. All texts of this length fit into a decoding child's answer."""
TEXTS = (
    "date_time_original", "make", "model", "creator", "copyright_notice", "credit_line",
    "licensor_name", "licensor_url", "web_statement", "usage_terms", "digital_source_type",
)  # fmt: skip
LOCATION = {"latitude": 90.0, "longitude": 180.0, "altitude": 1e6}
"""Fields that tell where a picture was taken, each with the largest it can be, either side of 0."""

Embedded = dict[str, str | float]
"""The fields that a file has; one that it does not have is not there."""


def without_location(said: Embedded) -> Embedded:
    return {name: value for name, value in said.items() if name not in LOCATION}


def is_sound(said: Embedded) -> bool:
    """Whether `said` has known fields only, and values that may be stored and shown."""
    return all(_is_sound(name, value) for name, value in said.items())


def _is_sound(name: str, value: str | float) -> bool:
    if isinstance(value, str):
        return name in TEXTS and 0 < len(value) <= MAX_TEXT and value.isprintable()
    return (
        name in LOCATION
        and type(value) is float
        and math.isfinite(value)
        and abs(value) <= LOCATION[name]
    )

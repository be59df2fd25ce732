"""Rules as SQL: what each measures of a stored image, its threshold, and when it is broken."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, cast, func, literal, null
from sqlalchemy.orm import InstrumentedAttribute

from crawlset.models import Image
from crawlset.validation.schemas import ValidationRules

EXACT_DUPLICATE = "exact_duplicate"

Measure = ColumnElement[Any] | InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule named `rule` rejects an image of which `is_broken` holds."""

    rule: str
    is_broken: ColumnElement[bool]
    measured: ColumnElement[Any]
    threshold: ColumnElement[Any]


def checks_of(rules: ValidationRules) -> Iterator[Check]:
    """
    The checks in the order of their weight: the first that an image breaks is its verdict.

    A measure that is missing breaks no rule.
    """
    yield Check("format", Image.format.not_in(rules.formats), null(), null())
    if not rules.allow_animated:
        yield _at_most("animated", Image.n_frames, 1)
    yield _at_least("min_file_size", Image.file_size, rules.min_file_size)
    if rules.max_file_size is not None:
        yield _at_most("max_file_size", Image.file_size, rules.max_file_size)
    yield _at_least("min_width", Image.width, rules.min_width)
    yield _at_least("min_height", Image.height, rules.min_height)
    if rules.max_width is not None:
        yield _at_most("max_width", Image.width, rules.max_width)
    if rules.max_height is not None:
        yield _at_most("max_height", Image.height, rules.max_height)
    if rules.max_aspect_ratio is not None:
        longer = func.greatest(Image.width, Image.height)
        shorter = func.nullif(func.least(Image.width, Image.height), 0)
        ratio = cast(longer, Float(53)) / shorter
        yield _at_most("max_aspect_ratio", ratio, rules.max_aspect_ratio)


def _at_least(rule: str, measure: Measure, threshold: float) -> Check:
    return _check(rule, measure < threshold, measure, threshold)


def _at_most(rule: str, measure: Measure, threshold: float) -> Check:
    return _check(rule, measure > threshold, measure, threshold)


def _check(rule: str, is_broken: ColumnElement[bool], measure: Measure, threshold: float) -> Check:
    return Check(rule, is_broken, cast(measure, Float(53)), literal(threshold, Float(53)))

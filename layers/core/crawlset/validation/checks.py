"""Image rules as SQL: what each measures of a stored image, and when that breaks it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import log2
from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, func, literal, not_, null, or_
from sqlalchemy.orm import InstrumentedAttribute

from crawlset import licences
from crawlset.models import Image
from crawlset.sources.registry import SOURCES
from crawlset.validation import rules
from crawlset.validation.rules import ImageRule, Rule, Severity

Measure = ColumnElement[Any] | InstrumentedAttribute[Any]
REFUSING = r"\m(noai|noimageai|noml|noindex|noimageindex|none)\M|train-(gen)?ai=(n|\?0)"
"""What refuses training in a header that was kept as it was sent."""
THREE_CHANNELS = log2(3)
_NUMBER = Float(53)


@dataclass(frozen=True, slots=True)
class Check:
    """An image of which `is_broken` holds breaks the rule `label`."""

    label: str
    severity: Severity
    is_broken: ColumnElement[bool]
    measured: ColumnElement[Any]
    threshold: ColumnElement[Any]


def checks_of(of: Iterable[Rule]) -> Iterator[Check]:
    """
    A check for each image rule, the gravest first: of those an image breaks, the first decides.

    A measure that is missing breaks no rule.
    """
    image_rules = [rule for rule in of if isinstance(rule, ImageRule)]
    order = list(Severity)
    for rule in sorted(image_rules, key=lambda rule: order.index(rule.severity)):
        is_broken, measured, threshold = _BROKEN[type(rule)](rule)
        yield Check(
            rule.label,
            rule.severity,
            func.coalesce(is_broken, literal(value=False)),
            cast(measured, _NUMBER),
            cast(threshold, _NUMBER),
        )


Broken = tuple[ColumnElement[bool], Measure, ColumnElement[Any]]
"""When a rule is broken, by which measure, against which threshold."""


def _score(name: str) -> ColumnElement[float]:
    return cast(Image.scores[name].astext, _NUMBER)


_LONGER = func.greatest(Image.width, Image.height)
_SHORTER = func.least(Image.width, Image.height)
_MEASURES: dict[str, Measure] = {
    "file_size": Image.file_size,
    "width": Image.width,
    "height": Image.height,
    "short_side": _SHORTER,
    "long_side": _LONGER,
    "area": cast(Image.width, _NUMBER) * Image.height,
    "aspect_ratio": cast(_LONGER, _NUMBER) / func.nullif(_SHORTER, 0),
    "frames": Image.n_frames,
}


def _bounds(rule: rules.BoundsRule) -> Broken:
    measure, least, most = _MEASURES[rule.check], rule.params.min, rule.params.max
    if least is None:
        return measure > most, measure, literal(most)
    if most is None:
        return measure < least, measure, literal(least)
    is_broken = or_(measure < least, measure > most)
    return is_broken, measure, case((measure < least, least), else_=most)


def _below(score: str) -> Callable[[Any], Broken]:
    def broken(rule: Any) -> Broken:
        return _score(score) < rule.params.below, _score(score), literal(rule.params.below)

    return broken


def _low_information(rule: rules.LowInformationRule) -> Broken:
    """Cleanvision's entropy is of all channels at once, which adds the choice between three."""
    channels = case((_score("channels") > 1, THREE_CHANNELS), else_=0.0)
    entropy = _score("entropy") + channels
    return entropy < rule.params.below, entropy, literal(rule.params.below)


def _above(score: str) -> Callable[[Any], Broken]:
    def broken(rule: Any) -> Broken:
        return _score(score) > rule.params.above, _score(score), literal(rule.params.above)

    return broken


def _without_number(is_broken: ColumnElement[bool]) -> Broken:
    return is_broken, null(), null()


def _format(rule: rules.FormatRule) -> Broken:
    return _without_number(Image.format.not_in(rule.params.allowed))


def _decode(_: rules.DecodeRule) -> Broken:
    return _without_number(Image.evidence.has_key("warning"))


def _licence(rule: rules.LicenceRule) -> Broken:
    wanted = licences.wanted(rule.params.allowed)
    if wanted is None:
        return _without_number(literal(value=False))
    family = func.regexp_replace(Image.licence, licences.VERSIONED, "")
    is_wanted = or_(Image.licence.in_(wanted), family.in_(wanted))
    return _without_number(not_(func.coalesce(is_wanted, literal(value=False))))


def _provenance(rule: rules.ProvenanceRule) -> Broken:
    missing = (getattr(Image, name).is_(None) for name in rule.params.required)
    return _without_number(or_(*missing))


def _policy(rule: rules.PolicyRule) -> Broken:
    """Headers that are kept with the image say what a crawl may have been told not to heed."""
    permitting = [
        name for name, source in SOURCES.items() if rule.params.intended_use in source.intended_uses
    ]
    said = Image.evidence["signals"]["headers"]
    refuses = or_(
        func.lower(said["X-Robots-Tag"].astext).op("~")(REFUSING),
        func.lower(said["Content-Usage"].astext).op("~")(REFUSING),
        said["tdm-reservation"].astext == "1",
        Image.evidence["signals"]["xmp"].astext.like("DMI-PROHIBITED%"),
    )
    return _without_number(
        or_(Image.source.not_in(permitting), func.coalesce(refuses, literal(value=False)))
    )


def _host(rule: rules.HostRule) -> Broken:
    hosts = {host.lower().strip(".") for host in rule.params.denied}
    below = (Image.host.endswith(f".{host}", autoescape=True) for host in hosts)
    return _without_number(or_(Image.host.in_(hosts), *below))


_BROKEN: dict[type, Callable[[Any], Broken]] = {
    rules.BoundsRule: _bounds,
    rules.FormatRule: _format,
    rules.DecodeRule: _decode,
    rules.DarkRule: _below("brightness_p99"),
    rules.LightRule: _above("brightness_p5"),
    rules.LowInformationRule: _low_information,
    rules.BlurryRule: _below("blur"),
    rules.GrayscaleRule: _below("colour"),
    rules.UniformRule: _above("uniformity"),
    rules.BorderRule: _above("border"),
    rules.LicenceRule: _licence,
    rules.ProvenanceRule: _provenance,
    rules.PolicyRule: _policy,
    rules.HostRule: _host,
}

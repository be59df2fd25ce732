"""Ready sets of rules, from the fewest to the most."""

from enum import StrEnum

from crawlset.validation.rules.base import Bounds, Rule, Severity
from crawlset.validation.rules.dataset import ExactDuplicatesRule, NearDuplicatesRule, OddSizeRule
from crawlset.validation.rules.image import (
    BlurryRule,
    BoundsRule,
    DarkRule,
    FormatRule,
    LightRule,
    LowInformationRule,
    ProvenanceRule,
    UniformRule,
)


class Preset(StrEnum):
    basic = "basic"
    standard = "standard"
    strict = "strict"
    report_only = "report_only"


_BASIC: tuple[Rule, ...] = (
    FormatRule(check="format"),
    BoundsRule(check="short_side", params=Bounds(min=64)),
    BoundsRule(check="aspect_ratio", params=Bounds(max=5)),
    ExactDuplicatesRule(check="exact_duplicates"),
)
_STANDARD: tuple[Rule, ...] = (
    *_BASIC,
    UniformRule(check="uniform"),
    DarkRule(check="dark", severity=Severity.quarantine),
    LightRule(check="light", severity=Severity.quarantine),
    LowInformationRule(check="low_information", severity=Severity.quarantine),
    BlurryRule(check="blurry", severity=Severity.quarantine),
    NearDuplicatesRule(check="near_duplicates"),
    OddSizeRule(check="odd_size", severity=Severity.warn),
)
_STRICT: tuple[Rule, ...] = (
    *(
        rule.model_copy(update={"severity": Severity.reject})
        for rule in _STANDARD
        if rule.check not in {"short_side", "aspect_ratio"}
    ),
    BoundsRule(check="short_side", params=Bounds(min=128)),
    BoundsRule(check="aspect_ratio", params=Bounds(max=3)),
    BoundsRule(check="frames", params=Bounds(max=1)),
    ProvenanceRule(check="provenance"),
)
PRESETS: dict[Preset, tuple[Rule, ...]] = {
    Preset.basic: _BASIC,
    Preset.standard: _STANDARD,
    Preset.strict: _STRICT,
    Preset.report_only: tuple(
        rule.model_copy(update={"severity": Severity.warn}) for rule in _STANDARD
    ),
}

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from crawlset.validation.rules.base import Rule, Severity
from crawlset.validation.rules.dataset import SizeRule
from crawlset.validation.rules.image import ImageRule
from crawlset.validation.rules.presets import PRESETS, Preset
from crawlset.validation.rules.registry import AnyRule
from crawlset.validation.schemas import ValidationRules


def rules(*rules: dict[str, Any], **more: Any) -> ValidationRules:
    return ValidationRules.model_validate({"rules": rules} | more)


class TestValidationRules:
    def test_are_the_basic_ones_unless_others_are_given(self) -> None:
        assert ValidationRules().resolved() == list(PRESETS[Preset.basic])
        assert [rule.label for rule in rules({"check": "dark"}).resolved()] == ["dark"]

    def test_take_the_place_of_a_preset_s_rule_of_the_same_name(self) -> None:
        found = rules({"check": "short_side", "params": {"min": 7}}, preset="basic").resolved()

        sides = [rule for rule in found if rule.label == "short_side"]
        assert len(found) == len(PRESETS[Preset.basic])
        assert sides[0].model_dump()["params"] == {"min": 7, "max": None}

    @pytest.mark.parametrize(
        "rule",
        [
            {"check": "beauty"},
            {"check": "width"},
            {"check": "width", "params": {}},
            {"check": "width", "params": {"min": 500, "max": 400}},
            {"check": "width", "params": {"min": -1}},
            {"check": "width", "params": {"min": float("nan")}},
            {"check": "width", "params": {"min": "wide"}},
            {"check": "dark", "params": {"below": 2}},
            {"check": "dark", "params": {"above": 0.5}},
            {"check": "low_information", "params": {"below": 50}},
            {"check": "format", "params": {"allowed": []}},
            {"check": "format", "params": {"allowed": ["svg"]}},
            {"check": "licence", "params": {"allowed": ["made-up"]}},
            {"check": "near_duplicates", "params": {"radius": 64}},
            {"check": "dark", "severity": "shout"},
            {"check": "dark", "scope": "dataset"},
            {"check": "dark", "name": "Very dark"},
        ],
    )
    def test_refuse_what_can_never_be_meant(self, rule: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            rules(rule)

    def test_tell_two_of_one_check_apart_by_name(self) -> None:
        dark = {"check": "dark"}

        with pytest.raises(ValidationError, match="two rules are called dark"):
            rules(dark, dark)
        assert len(rules(dark, dark | {"name": "darker"}).resolved()) == 2


class TestPresets:
    def test_report_only_puts_nothing_out(self) -> None:
        severities = {rule.severity for rule in PRESETS[Preset.report_only]}

        assert severities == {Severity.warn}

    @pytest.mark.parametrize("preset", Preset)
    def test_have_names_of_their_own(self, preset: Preset) -> None:
        labels = [rule.label for rule in PRESETS[preset]]

        assert len(set(labels)) == len(labels)


class TestImageRules:
    def test_put_the_gravest_first_and_leave_dataset_rules_out(self) -> None:
        given = rules(
            {"check": "dark", "severity": "tag"},
            {"check": "near_duplicates"},
            {"check": "light", "severity": "reject"},
        )

        assert [rule.label for rule in given.image_rules()] == ["light", "dark"]


@pytest.mark.parametrize("kind", get_args(get_args(AnyRule)[0]))
class TestEveryRule:
    def test_says_what_it_wants(self, kind: type[Rule]) -> None:
        assert kind.wanted is not Rule.wanted

    def test_has_its_sql(self, kind: type[Rule]) -> None:
        """But those that a step of their own judges: near duplicates, leakage, validators."""
        if issubclass(kind, ImageRule):
            assert kind._broken is not ImageRule._broken
        if issubclass(kind, SizeRule):
            assert kind.broken is not SizeRule.broken

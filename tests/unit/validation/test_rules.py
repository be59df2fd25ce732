import re
from typing import Any

import pytest
from pydantic import ValidationError

from crawlset.validation.checks import checks_of
from crawlset.validation.schemas import ValidationRules


class TestValidationRules:
    def test_has_a_default_for_everything(self) -> None:
        rules = ValidationRules()

        assert (rules.min_width, rules.min_height, rules.exact_duplicates) == (64, 64, True)

    @pytest.mark.parametrize(
        "rules",
        [
            {"min_width": 0},
            {"min_height": -1},
            {"min_width": 10**9},
            {"min_width": "wide"},
            {"max_aspect_ratio": 0.5},
            {"max_aspect_ratio": float("nan")},
            {"max_aspect_ratio": float("inf")},
            {"min_file_size": -1},
            {"formats": []},
            {"formats": ["tiff"]},
            {"min_witdh": 5},
        ],
    )
    def test_refuses_what_is_out_of_bounds_or_unknown(self, rules: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            ValidationRules.model_validate(rules)

    @pytest.mark.parametrize(
        ("rules", "reason"),
        [
            ({"min_width": 500, "max_width": 400}, "min_width 500 is above max_width 400"),
            ({"max_height": 10}, "min_height 64 is above max_height 10"),
            ({"min_file_size": 5, "max_file_size": 4}, "min_file_size 5"),
            ({"min_width": 1000, "max_height": 100}, "an aspect ratio of at least 10.00"),
            ({"min_height": 1000, "max_width": 100}, "an aspect ratio of at least 10.00"),
        ],
    )
    def test_refuses_combinations_that_keep_nothing(
        self, rules: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(ValidationError, match=re.escape(reason)):
            ValidationRules.model_validate(rules)

    def test_allows_bounds_that_meet(self) -> None:
        rules = ValidationRules(min_width=100, max_width=100, min_height=100, max_height=100)

        assert rules.min_width == rules.max_width


class TestChecksOf:
    def test_leaves_out_rules_without_a_bound(self) -> None:
        rules = ValidationRules(max_aspect_ratio=None)

        names = [check.rule for check in checks_of(rules)]

        assert names == ["format", "min_file_size", "min_width", "min_height"]

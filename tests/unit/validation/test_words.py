from typing import Any

import pytest

from crawlset.validation import measures
from crawlset.validation.quantities import number
from crawlset.validation.report_page import finding
from crawlset.validation.rules.base import Rule
from crawlset.validation.rules.presets import PRESETS, Preset
from crawlset.validation.schemas import ValidationRules


def rule(check: str, **params: Any) -> Rule:
    (made,) = ValidationRules.model_validate({"rules": [{"check": check, "params": params}]}).rules
    return made


class TestNumber:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0, "0"),
            (60.0, "60"),
            (100_000, "100,000"),
            (1e8, "100,000,000"),
            (1234.5, "1,234"),
            (0.29, "0.29"),
            (0.012345, "0.0123"),
            (0.1 + 0.2, "0.3"),
            (12.345, "12.3"),
            (0.0000001, "0"),
        ],
    )
    def test_has_no_exponent(self, value: float, text: str) -> None:
        assert number(value) == text


class TestFinding:
    @pytest.mark.parametrize(
        ("of", "measured", "threshold", "text"),
        [
            (rule("short_side", min=64), 60, 64, "short side 60 px, at least 64 px wanted"),
            (
                rule("file_size", max=100_000),
                123_456,
                100_000,
                "file size 123 kB, at most 100 kB wanted",
            ),
            (
                rule("aspect_ratio", max=5),
                7.512,
                5,
                "aspect ratio 7.51 to 1, at most 5 to 1 wanted",
            ),
            (
                rule("dark"),
                0.1,
                0.32,
                "brightness of the brightest parts 10 %, at least 32 % wanted",
            ),
            (
                rule("class_size", min=5),
                3,
                5,
                "number of images of its class 3, at least 5 wanted",
            ),
            (rule("custom", validator="v"), 0.5, None, "measured 0.5"),
            (rule("exact_duplicates"), None, None, "wanted: no other image with the same bytes"),
            (None, 1.5, 2, "measured 1.5, at least 2 wanted"),
            (None, None, None, None),
        ],
    )
    def test_has_units_and_says_what_is_wanted(
        self, of: Rule | None, measured: float | None, threshold: float | None, text: str | None
    ) -> None:
        assert finding(of, measured, threshold) == text


class TestWanted:
    @pytest.mark.parametrize(
        ("of", "text"),
        [
            (rule("width", min=100, max=2_000), "width of 100 px to 2,000 px"),
            (rule("area", min=1_500_000), "area of at least 1.5 megapixels"),
            (rule("host_cap", max=10), "at most 10 images of its host"),
            (rule("format", allowed=["jpeg", "png"]), "format jpeg or png"),
            (rule("provenance"), "known licence and landing url"),
            (
                rule("host", denied=[f"{n}.test" for n in range(8)]),
                "not from 0.test or 1.test or 2.test or 3.test or 4.test or 3 more",
            ),
            (
                rule("policy", intended_use="commercial"),
                "no source or signal that refuses commercial use",
            ),
            (rule("leakage", crawl_job_id="0" * 32), "not in the other set as well"),
            (rule("decode"), "a file in which the decoder finds nothing odd"),
        ],
    )
    def test_is_plain(self, of: Rule, text: str) -> None:
        assert of.wanted() == text

    @pytest.mark.parametrize("preset", Preset)
    def test_is_said_of_every_rule(self, preset: Preset) -> None:
        assert all(" " in of.wanted() for of in PRESETS[preset])


def test_every_histogram_has_words_and_a_range() -> None:
    for measure in measures.REPORTED.values():
        low, high = measure.span
        assert measure.name
        assert low < high

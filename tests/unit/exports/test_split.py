import hashlib
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from crawlset.exports.schemas import ExportOptions, Splits
from crawlset.exports.split import split_of

IMAGES = [hashlib.sha256(str(n).encode()).digest() for n in range(20_000)]
DEFAULT = ExportOptions().splits


class TestSplitOf:
    def test_has_the_shares_asked_for(self) -> None:
        counts = Counter(split_of(image, "crawlset", DEFAULT) for image in IMAGES)

        shares = {name: n / len(IMAGES) for name, n in counts.items()}
        assert shares == pytest.approx({"train": 0.8, "validation": 0.1, "test": 0.1}, abs=0.01)

    def test_stays_for_an_image_and_a_seed(self) -> None:
        first = [split_of(image, "a", DEFAULT) for image in IMAGES[:500]]

        assert first == [split_of(image, "a", DEFAULT) for image in IMAGES[:500]]
        assert first != [split_of(image, "b", DEFAULT) for image in IMAGES[:500]]

    @pytest.mark.parametrize("name", ["train", "validation", "test"])
    def test_puts_everything_into_the_only_split(self, name: str) -> None:
        splits = Splits.model_validate({name: 1})

        assert {split_of(image, "s", splits) for image in IMAGES[:500]} == {name}

    def test_fills_no_split_without_a_share(self) -> None:
        splits = Splits(train=0.5, test=0.5)

        assert {split_of(image, "s", splits) for image in IMAGES[:500]} == {"train", "test"}


class TestSplits:
    @pytest.mark.parametrize(
        "splits",
        [
            {},
            {"train": 0.8},
            {"train": 0.8, "test": 0.3},
            {"train": 1.2, "test": -0.2},
            {"train": 1, "dev": 0},
            {"train": "all"},
        ],
    )
    def test_refuses_what_does_not_add_up(self, splits: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Splits.model_validate(splits)

    def test_forgives_rounding(self) -> None:
        assert Splits(train=0.7, validation=0.2, test=0.1).train == 0.7

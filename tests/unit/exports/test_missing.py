import pytest

from crawlset.exports import missing
from crawlset.exports.missing import ClassMissingError


class TestFind:
    def test_gives_what_other_splits_have_or_is_wanted(self) -> None:
        present = [("train", "a"), ("train", "b"), ("val", "a")]

        assert missing.find(present) == {"val": ["b"]}
        assert missing.find(present, ["c"]) == {"train": ["c"], "val": ["b", "c"]}

    def test_is_empty_without_images(self) -> None:
        assert missing.find([], ["a"]) == {}


class TestRefuse:
    def test_names_split_and_classes(self) -> None:
        with pytest.raises(ClassMissingError, match="split val has no image of b;"):
            missing.refuse([("train", "b"), ("train", "a"), ("val", "a")])


class TestNamed:
    def test_is_bounded_however_many_and_long(self) -> None:
        assert missing.named(["a", "b"]) == "a, b"
        assert missing.named(list("abcdefg")) == "a, b, c, d, e and 2 more"
        assert len(missing.named(["x" * 8_000] * 10_000)) < 400

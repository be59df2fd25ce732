"""ImageNet's classes for keywords as people write them."""

import pytest

from crawlset.measuring.imagenet import class_names, classes_of

DOGS = tuple(range(151, 269))


class TestClassNames:
    @pytest.mark.parametrize(
        ("number", "name"),
        [
            (0, "tench, Tinca tinca"),
            (281, "tabby, tabby cat"),
            (967, "espresso"),
            (999, "toilet tissue, toilet paper, bathroom tissue"),
        ],
    )
    def test_are_in_the_order_of_imagenet(self, number: int, name: str) -> None:
        assert len(class_names()) == 1_000
        assert class_names()[number] == name


class TestClassesOf:
    @pytest.mark.parametrize(
        ("keyword", "noun"),
        [
            ("dog", "dog"),
            ("Dogs", "dog"),
            ("golden-retriever", "golden retriever"),
            ("Golden  Retrievers", "golden retriever"),
            ("tabby_cat", "tabby cat"),
            ("wolves", "wolf"),
            ("geese", "goose"),
            ("buses", "bus"),
            ("sunglasses", "sunglasses"),
            ("hot dog", "hot dog"),
            ("red bicycle", "bicycle"),
            ("cat at night", "cat"),
            ("a fire truck", "fire truck"),
            ("\uff44\uff4f\uff47", "dog"),
        ],
    )
    def test_finds_the_noun(self, keyword: str, noun: str) -> None:
        found = classes_of(keyword)

        assert found is not None
        assert found.noun == noun

    def test_gives_a_general_noun_all_its_kinds(self) -> None:
        dog = classes_of("dog")

        assert dog is not None
        assert dog.numbers == DOGS
        assert dog.names[0] == "Chihuahua"

    def test_gives_a_noun_of_several_senses_the_classes_of_each(self) -> None:
        crane = classes_of("crane")

        assert crane is not None
        assert crane.numbers == (134, 517)

    def test_leaves_out_senses_that_cannot_be_seen(self) -> None:
        tiger = classes_of("tiger")  # first of all, to WordNet, a fierce person

        assert tiger is not None
        assert tiger.numbers == (292,)

    @pytest.mark.parametrize(
        "keyword",
        [
            "mouse",  # the animal is no class, the one of computers is
            "flower",  # two classes of hundreds of kinds
            "person",
            "sunset",
            "dog food",
            "dog paddle",
            "white house",
            "cats and dogs",
            "cat, dog",
            "Katze",
            "猫",
            "",
            " ",
            "-",
            "of",
            "dog " * 100,
            "d" * 100_000,
            "\x00",
        ],
        ids=lambda keyword: keyword[:20] or "empty",
    )
    def test_finds_none(self, keyword: str) -> None:
        assert classes_of(keyword) is None

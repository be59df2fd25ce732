import hashlib
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crawlset.exports.options import ExportOptions, Splits
from crawlset.exports.split import TiedImage, assign

IMAGES = [hashlib.sha256(str(n).encode()).digest() for n in range(20_000)]
DEFAULT = ExportOptions().splits


def split_alone(images: list[bytes], seed: str, splits: Splits) -> list[str]:
    """The splits of images that nothing ties, each by its bytes and the seed alone."""
    options = ExportOptions(seed=seed, splits=splits, stratify=False)
    untied = [TiedImage(at, sha256, None) for at, sha256 in enumerate(images)]
    return list(assign(untied, options).values())


class TestSplitsOfUntiedImages:
    def test_has_the_shares_asked_for(self) -> None:
        counts = Counter(split_alone(IMAGES, "crawlset", DEFAULT))

        shares = {name: n / len(IMAGES) for name, n in counts.items()}
        assert shares == pytest.approx({"train": 0.8, "validation": 0.1, "test": 0.1}, abs=0.01)

    def test_stays_for_an_image_and_a_seed(self) -> None:
        first = split_alone(IMAGES[:500], "a", DEFAULT)

        assert first == split_alone(IMAGES[:500], "a", DEFAULT)
        assert first != split_alone(IMAGES[:500], "b", DEFAULT)

    @pytest.mark.parametrize("name", ["train", "validation", "test"])
    def test_puts_everything_into_the_only_split(self, name: str) -> None:
        splits = Splits.model_validate({name: 1})

        assert set(split_alone(IMAGES[:500], "s", splits)) == {name}

    def test_fills_no_split_without_a_share(self) -> None:
        splits = Splits(train=0.5, test=0.5)

        assert set(split_alone(IMAGES[:500], "s", splits)) == {"train", "test"}


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


def samples(n: int, *, n_classes: int = 1, ties: int | None = None) -> list[TiedImage]:
    """`ties` groups of images, or none that are tied."""
    return [
        TiedImage(
            at,
            IMAGES[at],
            f"class{at % n_classes}",
            () if ties is None else (f"tie{at % ties}",),
        )
        for at in range(n)
    ]


class TestAssign:
    def test_goes_by_the_hash_where_nothing_is_tied(self) -> None:
        splits = assign(samples(500), ExportOptions(stratify=False))

        assert splits == {
            at: split_alone([IMAGES[at]], "crawlset", DEFAULT)[0] for at in range(500)
        }

    @pytest.mark.parametrize("stratify", [False, True])
    def test_never_parts_what_is_tied(self, stratify: bool) -> None:
        splits = assign(samples(600, ties=60, n_classes=7), ExportOptions(stratify=stratify))

        for tie in range(60):
            assert len({splits[at] for at in range(tie, 600, 60)}) == 1
        assert set(splits.values()) == {"train", "validation", "test"}

    def test_follows_ties_from_one_to_the_next(self) -> None:
        chain = [TiedImage(at, IMAGES[at], None, (f"a{at}", f"a{at + 1}")) for at in range(300)]

        assert len(set(assign(chain, ExportOptions()).values())) == 1

    def test_holds_the_shares_within_each_class(self) -> None:
        splits = assign(samples(3_000, n_classes=30), ExportOptions())

        for name in range(30):
            counts = Counter(splits[at] for at in range(name, 3_000, 30))
            assert counts == {"train": 80, "validation": 10, "test": 10}

    @pytest.mark.parametrize("size", [3, 4, 5, 7, 9, 13, 14, 15, 36])
    def test_puts_a_class_of_three_or_more_into_every_split(self, size: int) -> None:
        splits = assign(samples(40 * size, n_classes=40), ExportOptions())

        for name in range(40):
            counts = Counter(splits[at] for at in range(name, 40 * size, 40))
            assert len(counts) == 3
            for split, share in DEFAULT:
                assert counts[split] == 1 or abs(counts[split] - share * size) < 2

    @pytest.mark.parametrize("size", [10, 13, 14, 15, 36])
    def test_rounds_no_split_away_over_many_classes(self, size: int) -> None:
        n = 100 * size
        counts = Counter(assign(samples(n, n_classes=100), ExportOptions()).values())

        assert counts["train"] == pytest.approx(0.8 * n, abs=2)
        assert counts["validation"] == pytest.approx(0.1 * n, abs=2)

    @pytest.mark.parametrize("size", [1, 2])
    def test_shares_out_rare_classes_together(self, size: int) -> None:
        counts = Counter(assign(samples(500 * size, n_classes=500), ExportOptions()).values())

        assert counts == {"train": 400 * size, "validation": 50 * size, "test": 50 * size}

    def test_keeps_a_lone_rare_class_in_train(self) -> None:
        some = [*samples(13), TiedImage(13, IMAGES[13], "rare"), TiedImage(14, IMAGES[14], "rare")]

        splits = assign(some, ExportOptions())

        assert {splits[13], splits[14]} == {"train"}

    def test_puts_a_class_of_three_clusters_into_every_split(self) -> None:
        splits = assign(samples(30, ties=3), ExportOptions())

        assert Counter(splits.values()) == {"train": 10, "validation": 10, "test": 10}

    def test_leaves_a_split_that_a_cluster_has_filled(self) -> None:
        cluster = [TiedImage(at, IMAGES[at], "class0", ("tie",)) for at in range(90)]

        splits = assign([*cluster, *samples(100)[90:]], ExportOptions())

        assert Counter(splits.values()) == {"train": 90, "validation": 5, "test": 5}

    def test_moves_few_images_when_others_come(self) -> None:
        before = assign(samples(1_000, n_classes=10), ExportOptions())
        after = assign(samples(1_100, n_classes=10), ExportOptions())

        assert sum(before[at] != after[at] for at in before) < 60

    @given(
        st.lists(st.tuples(st.sampled_from([*"abcdefgh", None]), st.integers(0, 40)), max_size=150),
        st.sampled_from([DEFAULT, Splits(train=0.5, test=0.5), Splits(test=1)]),
    )
    def test_holds_for_any_classes_and_clusters(
        self, drawn: list[tuple[str | None, int]], shares: Splits
    ) -> None:
        given_ = [
            TiedImage(at, IMAGES[at], label, (f"tie{tie}",) if tie < 20 else ())
            for at, (label, tie) in enumerate(drawn)
        ]
        options = ExportOptions(splits=shares)

        splits = assign(given_, options)

        n_splits = sum(share > 0 for _, share in shares)
        assert set(splits) == set(range(len(drawn)))
        assert splits == assign(given_[::-1], options)
        for label in {label for label, tie in drawn if tie >= 20}:
            alone = [at for at, (own, tie) in enumerate(drawn) if own == label and tie >= 20]
            if len(alone) >= n_splits:
                everywhere = {splits[at] for at, (own, _) in enumerate(drawn) if own == label}
                assert len(everywhere) == n_splits

    def test_depends_on_seed_and_bytes_not_on_order(self) -> None:
        tied = samples(400, ties=100, n_classes=3)
        for stratify in (False, True):
            options = ExportOptions(stratify=stratify)
            other = ExportOptions(stratify=stratify, seed="another")

            assert assign(tied, options) == assign(tied[::-1], options)
            assert assign(tied, options) != assign(tied, other)

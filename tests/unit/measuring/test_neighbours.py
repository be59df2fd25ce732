"""All pictures of a job compared with each other, by vectors that lie in parts."""

import numpy as np
import pytest

from crawlset.measuring.nearness import margin, nearness, unit
from crawlset.measuring.neighbours import Measurable, compared
from crawlset.measuring.vectors import to_parquet
from tests.bench.measurers import auroc


def test_margins_leave_out_in_what_pictures_of_a_keyword_differ_anyway() -> None:
    rng = np.random.default_rng(4)
    groups = np.arange(300) % 3
    is_strange = np.arange(300) >= 285
    middles = np.eye(32)[4 + groups] * np.where(is_strange, 0, 1.5)[:, None]
    spread = np.where(np.arange(32) < 4, 3, 0.3)
    vectors = 5 + rng.normal(size=(300, 32)) * spread + middles
    images = [Measurable(i, f"keyword {group}", "part") for i, group in enumerate(groups)]
    part = to_parquet(list(range(300)), vectors.astype(np.float32), "1")

    found = compared(images, lambda _: part)

    as_they_are = margin(vectors, groups, unit(vectors), groups)
    assert auroc(found.margins, is_strange) > auroc(as_they_are, is_strange) + 0.05


def test_small_keywords_are_compared_as_if_each_were_alone() -> None:
    rng = np.random.default_rng(6)
    sizes = [1, 2, 2_990, 9, 3_100, 40, 3_000, 7]
    keywords = [None if k == 3 else f"keyword {k}" for k, n in enumerate(sizes) for _ in range(n)]
    vectors = rng.normal(size=(len(keywords), 8)).astype(np.float16)
    images = [Measurable(i, keyword, "part") for i, keyword in enumerate(keywords)]
    part = to_parquet(list(range(len(keywords))), vectors, "1")

    found = compared(images, lambda _: part)

    of_keyword = np.repeat(np.arange(len(sizes)), sizes)
    for keyword, size in enumerate(sizes):
        own = of_keyword == keyword
        n_others = {1_549} if size == 3_100 else {size - 1}
        assert set(found.n_others[own].tolist()) == n_others
        assert np.isnan(found.nearness[own]).all() == (size == 1)
        assert np.isnan(found.margins[own]).all() == (keyword == 3 or size == 1)
        if 1 < size <= 3_000:
            alone = nearness(vectors[own], np.zeros(size))
            assert found.nearness[own] == pytest.approx(alone, abs=1e-5)

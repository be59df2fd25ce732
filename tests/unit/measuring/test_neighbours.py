"""All pictures of a job compared with each other, by vectors that lie in parts."""

import numpy as np

from crawlset.measuring.nearness import margin
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
    part = to_parquet(list(range(300)), vectors.astype(np.float32))

    found = compared(images, lambda _: part)

    as_they_are = margin(vectors, groups, vectors, groups)
    assert auroc(found.margins, is_strange) > auroc(as_they_are, is_strange) + 0.05

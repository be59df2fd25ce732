"""All pictures of a job compared with each other, by vectors that lie in parts."""

import io

import numpy as np
import pytest
from pyarrow import parquet as pq

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


@pytest.mark.parametrize("damage", ["cut", "flipped", "earlier", "none"])
def test_a_damaged_part_costs_no_other(damage: str) -> None:
    vectors = np.random.default_rng(7).normal(size=(40, 64))
    sound, other = (
        to_parquet([*range(20)], vectors[:20], "1"),
        bytearray(to_parquet([*range(20, 40)], vectors[20:], "1")),
    )
    if damage == "cut":
        del other[-9:]
    elif damage == "flipped":
        at = other.index(b"\x28\xb5\x2f\xfd")  # where zstd's frames begin, RFC 8878
        other[at : at + 4] = bytes(4)
    elif damage == "earlier":
        earlier = io.BytesIO()
        pq.write_table(pq.read_table(io.BytesIO(other)).replace_schema_metadata(None), earlier)
        other = bytearray(earlier.getvalue())
    parts = {"sound": sound, "other": bytes(other)}
    images = [Measurable(i, "cat", "sound" if i < 20 else "other") for i in range(40)]

    found = compared(images, parts.get)

    is_whole = damage in {"earlier", "none"}
    assert set(found.n_others.tolist()) == ({39} if is_whole else {19, 0})
    assert np.isfinite(found.nearness).tolist() == [True] * 20 + [is_whole] * 20

"""Strangers planted among the pictures of keywords are told from those that belong."""

import numpy as np
import pytest
from PIL import Image

from crawlset.measuring.relevance import Relevance
from crawlset_local.sample_site.photographs import PHOTOGRAPHS
from tests.bench.measurers import auroc, caught, margins, vector_of

KEYWORDS = ("chelsea", "coffee", "rocket", "astronaut", "brick")
OUTSIDE = ("coins", "horse", "retina", "hubble-deep-field", "gravel")
N_OWN, N_STRANGERS = 18, 2


def views(name: str, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Parts of a photograph, of random place, size and brightness."""
    with Image.open(PHOTOGRAPHS[name].path) as image:
        whole = np.asarray(image.convert("RGB"))
    found = []
    for _ in range(n):
        height, width = (np.array(whole.shape[:2]) * rng.uniform(0.6, 0.95, 2)).astype(int)
        top = rng.integers(whole.shape[0] - height)
        left = rng.integers(whole.shape[1] - width)
        part = whole[top : top + height, left : left + width] * rng.uniform(0.6, 1.0)
        found.append(part.astype(np.uint8)[:, :: rng.choice([1, -1])])
    return found


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("where", ["of other keywords", "from outside"])
def test_strangers_are_further_from_the_pictures_of_their_keyword(where: str) -> None:
    rng = np.random.default_rng(1)
    pictures, groups, strange = [], [], []
    for number, name in enumerate(KEYWORDS):
        others = OUTSIDE if where == "from outside" else [k for k in KEYWORDS if k != name]
        pictures += views(name, N_OWN, rng)
        for other in rng.choice(others, N_STRANGERS, replace=False):
            pictures += views(other, 1, rng)
        groups += [number] * (N_OWN + N_STRANGERS)
        strange += [False] * N_OWN + [True] * N_STRANGERS
    measured = Relevance().measure(pictures, [None] * len(pictures))
    vectors, numbers, is_strange = (
        np.stack([vector_of(one) for one in measured]),
        np.array(groups),
        np.array(strange),
    )

    found = margins(vectors, numbers)

    assert auroc(found, is_strange) >= 0.95
    assert caught(found, is_strange) >= 0.8

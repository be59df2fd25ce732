"""The measurer `relevance`: does a picture belong to its keyword, by EfficientNet-Lite0."""

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

import numpy as np
from PIL import Image

from crawlset.measuring.base import Measured
from crawlset.measuring.imagenet import class_names, classes_of
from crawlset.measuring.onnx_model import ModelDamagedError, OnnxModel, read_installed

MODEL = "efficientnet-lite0.onnx"
SIDE = 224
AT_ONCE = 16
"""Pictures in one run of the network: 150 MB."""
BEST = 3
"""Classes that are told of each picture."""
DIGITS = 4
INPUTS = {"pixels": ("n", SIDE, SIDE, 3)}
OUTPUTS = {"vector": ("n", 1_280), "probabilities": ("n", 1_000)}


class Relevance:
    """
    Measures pictures by a network that knows ImageNet's 1,000 classes.

    The measure `class_probability` is the sum of the probabilities of the keyword's classes, from 0
    to 1; a keyword that stands for no classes has none. The vector has 1,280 dimensions: pictures
    that show the same thing are near each other. The details name the likeliest `classes`, and the
    `noun` that the keyword was taken for, with the number of its classes.

    Raises:
        ModelMissingError: the model, or onnxruntime, is not installed.
        ModelDamagedError: the model is no EfficientNet-Lite0 as `make models` writes it.
    """

    name = "relevance"
    version = "efficientnet-lite0-1"
    max_side = 384

    def __init__(self, threads: int = 1) -> None:
        self._model = OnnxModel(read_installed(MODEL), name=MODEL, threads=threads)
        if (self._model.inputs, self._model.outputs) != (INPUTS, OUTPUTS):
            raise ModelDamagedError(MODEL, "it takes or gives other things than EfficientNet-Lite0")

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        """
        Measure pictures of any size, some at once.

        Raises:
            ModelDamagedError: the network gives what are no numbers.
        """
        together = zip(pictures, keywords, strict=True)
        return [one for some in batched(together, AT_ONCE) for one in self._measure(some)]

    def _measure(self, some: Sequence[tuple[np.ndarray, str | None]]) -> Iterator[Measured]:
        pixels = np.stack([square(picture, SIDE) for picture, _ in some])
        vectors, probabilities = self._model.run({"pixels": pixels})
        if not (np.isfinite(vectors).all() and np.isfinite(probabilities).all()):
            raise ModelDamagedError(MODEL, "it gives what are no numbers")
        for (_, keyword), vector, likely in zip(some, vectors, probabilities, strict=True):
            measures: dict[str, float] = {}
            details: dict[str, Any] = {"classes": _best(likely)}
            if found := classes_of(keyword) if keyword else None:
                probability = float(likely[list(found.numbers)].sum())
                measures["class_probability"] = min(probability, 1.0)
                details |= {"noun": found.noun, "n_classes": len(found.numbers)}
            yield Measured(measures, vector, details)


def square(picture: np.ndarray, side: int) -> np.ndarray:
    """The largest square in the middle of a picture, resized to `side` x `side` x 3, uint8."""
    height, width, _ = picture.shape
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    resized = Image.fromarray(picture).resize(
        (side, side), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short)
    )
    return np.asarray(resized)


def _best(likely: np.ndarray) -> list[tuple[str, float]]:
    """The likeliest classes by the first of their names, with their probabilities."""
    best = np.argsort(-likely, kind="stable")[:BEST]
    names = class_names()
    return [(names[i].partition(",")[0], round(float(likely[i]), DIGITS)) for i in best]

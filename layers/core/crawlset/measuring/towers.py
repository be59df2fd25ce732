"""The measurer `towers`: do pictures and texts belong together, by a pair of networks like CLIP."""

from collections.abc import Iterator, Sequence
from itertools import batched

import numpy as np

from crawlset.measuring.base import Measured
from crawlset.measuring.onnx_model import ModelDamagedError, OnnxModel
from crawlset.measuring.relevance import square
from crawlset.measuring.text_tower import (
    ReadFile,
    TextTower,
    dtype_of,
    load_text_tower,
    towers_folder,
    vectors_of,
)
from crawlset.settings import towers_settings

IMAGE = "image.onnx"
AT_ONCE = 8
"""Pictures in one run of the image tower."""


class Towers:
    """
    Measures pictures and texts by two networks that put both into one space.

    The measure `text_similarity` is the cosine between a picture and the text about its keyword,
    -1 to 1; what is high is the towers' own matter. The vector is that of the picture, of length 1,
    so that pictures are found by a text as well.

    Args:
        read: reads a file of the towers.
        folder: the folder, as errors tell it.
        version: changes with any of the files.
        text: the tower of texts.

    Raises:
        ModelMissingError: a file is missing, or onnxruntime is not installed.
        ModelDamagedError: a file is not what it should be, or the towers do not fit each other.
    """

    name = "towers"

    def __init__(
        self, read: ReadFile, folder: str, version: str, text: TextTower, threads: int = 1
    ) -> None:
        self._folder = folder
        self._text = text
        self.settings = text.settings
        self.version = version
        self.max_side = 2 * self.settings.side
        self._image = OnnxModel(read(IMAGE), name=f"{folder}/{IMAGE}", threads=threads)
        if len(self._image.inputs) != 1:
            raise ModelDamagedError(self._image.name, "it takes more than pictures")

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        """
        Measure pictures of any size, some at once.

        Raises:
            ModelDamagedError: a tower fails, or gives what are no vectors of one length.
        """
        together = zip(pictures, keywords, strict=True)
        return [one for some in batched(together, AT_ONCE) for one in self._measure(some)]

    def _measure(self, some: Sequence[tuple[np.ndarray, str | None]]) -> Iterator[Measured]:
        side = self.settings.side
        pixels = np.stack([square(picture, side) for picture, _ in some]).astype(np.float32) / 255
        mean = np.array(self.settings.mean, np.float32)
        deviation = np.array(self.settings.deviation, np.float32)
        prepared = ((pixels - mean) / deviation).transpose(0, 3, 1, 2)
        (name,) = self._image.inputs
        answers = self._image.run(
            {name: np.ascontiguousarray(prepared, dtype_of(self._image, name))}
        )
        vectors = vectors_of(self._image, answers, self.settings.image_output, len(some))
        for vector, (_, keyword) in zip(vectors, some, strict=True):
            yield Measured(self._similarity(vector, keyword), vector)

    def _similarity(self, vector: np.ndarray, keyword: str | None) -> dict[str, float]:
        if not keyword:
            return {}
        text = self._text.embed(self.settings.prompt.replace("{}", keyword))
        if text.shape != vector.shape:
            raise ModelDamagedError(
                self._folder, f"its vectors have lengths {len(vector)} and {len(text)}"
            )
        return {"text_similarity": float(vector @ text)}


def load_towers() -> Towers:
    """
    Load the towers of the deployment's own, from the folder in its bucket that it names.

    Raises:
        ModelMissingError: as `TextTower` and `Towers` do.
        ModelDamagedError: as `TextTower` and `Towers` do.
    """
    read, folder = towers_folder()
    return Towers(read, folder, towers_settings().towers_version, load_text_tower())

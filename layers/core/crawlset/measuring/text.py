"""The measurer `text`: is anything written in a picture, a watermark for instance?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from crawlset.measuring.base import Measured
from crawlset.measuring.blobs import Rectangle, blobs, rectangle_around
from crawlset.measuring.onnx_model import ModelDamagedError, OnnxModel, read_packaged
from crawlset.wire.measurements import KEEPING_TEXT, TEXT

PACKAGE = "rapidocr"
FINDER = "models/PP-OCRv6_det_small.onnx"
READER = "models/PP-OCRv6_rec_small.onnx"
SIDE = 640
"""Pixels of the longer side of the picture in which lines are sought."""
MAX_ENLARGED = 3
STEP = 32
"""The finder takes sides that are multiples of it."""
LINE_HEIGHT = 48
"""Pixels of the height of a line as the reader takes it."""
MAX_LINE_LENGTH = 25 * LINE_HEIGHT
MAX_LINES = 40
"""Lines that are read of a picture, the largest: a page of a book has as many."""
MAX_LETTERS = 300
"""Characters of the text that is kept."""
LIKELY, LIKELY_ON_AVERAGE = 0.2, 0.3
"""What the finder must say of a pixel, and of all those of a line, for it to be read."""
GROWTH = 1.6
"""How far a line reaches beyond what the finder marks, as in RapidOCR's `unclip_ratio`."""
SURE = 0.8
"""How sure the reader must be of a line's characters on average."""
MIN_LETTERS = 2
MIN_HEIGHT = 3.0
STEEP = math.pi / 4
"""A line that leans more may be read upwards or downwards."""


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    sureness: float
    """Mean of what the reader says of each character, from 0 to 1."""
    area: float
    """Share of the picture."""

    @property
    def is_sure(self) -> bool:
        """Whether it counts as text; one letter or a full stop is seen in many a shape."""
        n_letters = sum(character.isalnum() for character in self.text)
        return self.sureness >= SURE and n_letters >= MIN_LETTERS


class Text:
    """
    Measures how much is written in pictures, by PP-OCRv6's small models.

    They are in the PyPI package rapidocr (Apache-2.0, as its MODEL_LICENSES.md says). The measure
    `characters` counts characters other than spaces in lines that are read surely; `area` is the
    share of the picture that those lines cover, from 0 to 1. Five characters or more mean
    text. The text itself is among the details if `keeps_text`, at most 300 characters of it.

    Raises:
        ModelMissingError: the models, or onnxruntime, are not installed.
        ModelDamagedError: a model is not one of PP-OCRv6.
    """

    name = TEXT
    version = "pp-ocrv6-small-1"
    max_side = 1_280

    def __init__(self, *, keeps_text: bool = False, threads: int = 1) -> None:
        if keeps_text:
            self.version += KEEPING_TEXT
        self._keeps_text = keeps_text
        self._finder = _loaded(FINDER, threads)
        self._reader = _loaded(READER, threads)
        self._characters = _characters(self._reader)

    def measure(
        self, pictures: Sequence[np.ndarray], keywords: Sequence[str | None]
    ) -> list[Measured]:
        """
        Measure pictures of any size, one after the other.

        Raises:
            ModelDamagedError: a model gives what are no numbers.
        """
        del keywords
        return [self._measure(picture) for picture in pictures]

    def lines(self, picture: np.ndarray) -> list[Line]:
        """
        What is written in a picture, the largest lines first, each as surely as it is read.

        Raises:
            ModelDamagedError: a model gives what are no numbers.
        """
        image = Image.fromarray(picture)
        places = sorted(self._places(image), key=lambda place: -place.area)[:MAX_LINES]
        n_pixels = image.width * image.height
        return [self._line(image, place, place.area / n_pixels) for place in places]

    def _measure(self, picture: np.ndarray) -> Measured:
        sure = [line for line in self.lines(picture) if line.is_sure]
        measures = {
            "characters": float(sum(len(line.text.replace(" ", "")) for line in sure)),
            "area": min(sum((line.area for line in sure), 0.0), 1.0),
        }
        text = "\n".join(line.text for line in sure)[:MAX_LETTERS]
        return Measured(measures, details={TEXT: text} if self._keeps_text and text else {})

    def _places(self, image: Image.Image) -> Iterator[Rectangle]:
        """Where lines may be, in pixels of `image`."""
        likely = self._likely(image)
        height, width = likely.shape
        scale = image.width / width, image.height / height
        sums = np.pad(np.cumsum(likely, axis=1), ((0, 0), (1, 0)))
        for blob in blobs(likely > LIKELY):
            total = float((sums[blob.rows, blob.ends] - sums[blob.rows, blob.starts]).sum())
            if total < LIKELY_ON_AVERAGE * blob.n_pixels:
                continue
            place = rectangle_around(blob.corners * scale)
            if place.height < MIN_HEIGHT:
                continue
            yield place.grown(GROWTH * place.area / (2 * (place.length + place.height)))

    def _likely(self, image: Image.Image) -> np.ndarray:
        """How likely each pixel of the picture, resized, belongs to a line: height x width."""
        resized = image.resize(_multiples(image.size), Image.Resampling.BILINEAR)
        (found,) = self._finder.run({"x": _prepared(resized)})
        if found.shape != (1, 1, resized.height, resized.width) or not np.isfinite(found).all():
            raise ModelDamagedError(FINDER, "it gives other things than PP-OCRv6's finder of lines")
        likely: np.ndarray = found[0, 0]
        return likely

    def _line(self, image: Image.Image, place: Rectangle, area: float) -> Line:
        read = self._read(_cut(image, place))
        if abs(place.angle) > STEEP:
            turned = Rectangle(place.x, place.y, place.length, place.height, place.angle + math.pi)
            read = max(read, self._read(_cut(image, turned)), key=lambda found: found[1])
        return Line(read[0], read[1], area)

    def _read(self, line: Image.Image) -> tuple[str, float]:
        """The characters of a line, by connectionist temporal classification, and how surely."""
        (found,) = self._reader.run({"x": _prepared(line)})
        if found.shape[2:] != (len(self._characters),) or not np.isfinite(found).all():
            raise ModelDamagedError(READER, "it gives other things than PP-OCRv6's reader")
        best, sureness = found[0].argmax(axis=1), found[0].max(axis=1)
        is_new = np.concatenate([[True], best[1:] != best[:-1]]) & (best != 0)
        if not is_new.any():
            return "", 0.0
        text = "".join(self._characters[at] for at in best[is_new])
        return text.strip(), float(sureness[is_new].mean())


def _loaded(path: str, threads: int) -> OnnxModel:
    model = OnnxModel(read_packaged(PACKAGE, path), name=path, threads=threads)
    if list(model.inputs) != ["x"] or len(model.outputs) != 1:
        raise ModelDamagedError(path, "it takes or gives other things than PP-OCRv6")
    return model


def _characters(reader: OnnxModel) -> list[str]:
    """What the reader tells apart: nothing, the characters that its file names, and a space."""
    characters = ["", *reader.metadata.get("character", "").split("\n"), " "]
    (shape,) = reader.outputs.values()
    if len(characters) != shape[-1]:
        raise ModelDamagedError(READER, "it does not name the characters that it reads")
    return characters


def _multiples(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which lines are sought."""
    factor = min(SIDE / max(size), MAX_ENLARGED)
    width, height = (max(round(side * factor / STEP), 1) * STEP for side in size)
    return width, height


def _prepared(image: Image.Image) -> np.ndarray:
    """A picture as the models take it: 1 x 3 x height x width, blue first, from -1 to 1."""
    pixels = np.asarray(image, dtype=np.float32)[:, :, ::-1] / 127.5 - 1
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[np.newaxis])


def _cut(image: Image.Image, place: Rectangle) -> Image.Image:
    """A line, turned upright and made `LINE_HEIGHT` high."""
    per_pixel = place.height / LINE_HEIGHT
    length = min(max(round(place.length / per_pixel), LINE_HEIGHT // 2), MAX_LINE_LENGTH)
    # Pillow looks at the nearest pixels alone: what is made much smaller is averaged before.
    factor = max(int(per_pixel), 1)
    small = image.reduce(factor) if factor > 1 else image
    cosine, sine = math.cos(place.angle), math.sin(place.angle)
    along, across = place.length / length, per_pixel
    left = place.x - cosine * place.length / 2 + sine * place.height / 2
    top = place.y - sine * place.length / 2 - cosine * place.height / 2
    matrix = (cosine * along, -sine * across, left, sine * along, cosine * across, top)
    return small.transform(
        (length, LINE_HEIGHT),
        Image.Transform.AFFINE,
        tuple(one / factor for one in matrix),
        Image.Resampling.BICUBIC,
    )

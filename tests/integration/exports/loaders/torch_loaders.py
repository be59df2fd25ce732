"""
What torchvision and Ultralytics find in a folder.

torchvision by its own `torchvision/datasets/folder.py` (https://pypi.org/project/torchvision/),
loaded by its path: PyTorch, which the rest of the package imports, is too large for tests.
Ultralytics needs it everywhere, so by the rules read in
https://github.com/ultralytics/ultralytics/blob/00bfe3459a05b6c36026fb7689fc73c818da1cd1/ultralytics/data/utils.py
(check_cls_dataset). Ultralytics reads each split by torchvision's `ImageFolder` with
`allow_empty=True` (`ClassificationDataset` in `ultralytics/data/dataset.py`).
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

ULTRALYTICS = frozenset(
    ("bmp", "dng", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp", "pfm", "heic")
)


class VisionDataset:
    """Stands in for the base class in `torchvision/datasets/vision.py`, which imports torch."""

    def __init__(self, root: Path, **transforms: Any) -> None:
        self.root = root


def load_folder_module() -> Any:
    """Load torchvision's `folder.py`, in a package of its own beside a base class of ours."""
    package = PathFinder.find_spec("torchvision")
    if package is None or package.origin is None:
        pytest.skip("torchvision has no wheel for this machine", allow_module_level=True)
    path = Path(package.origin).parent / "datasets" / "folder.py"
    spec = spec_from_file_location("torchvision_alone.folder", path)
    assert spec is not None
    assert spec.loader is not None
    vision = ModuleType("torchvision_alone.vision")
    vision.VisionDataset = VisionDataset  # type: ignore[attr-defined]
    folder = module_from_spec(spec)
    names = {"torchvision_alone": ModuleType("torchvision_alone"), vision.__name__: vision}
    with patch.dict(sys.modules, names):
        spec.loader.exec_module(folder)
    return folder


torchvision = load_folder_module()


def samples(root: Path, *, allow_empty: bool = False) -> list[tuple[Path, int]]:
    """Paths and labels of `ImageFolder(root)`."""
    found = torchvision.ImageFolder(root, allow_empty=allow_empty).samples
    return [(Path(path), label) for path, label in found]


def check_classes(folder: Path) -> tuple[dict[int, str], list[str]]:
    """Names by label, which are those of `train` alone, and errors of the check of a dataset."""
    names = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir())
    errors = []
    for split in ("train", "val", "test"):
        if not (folder / split).exists():
            continue
        files = [
            path for path in (folder / split).rglob("*.*") if path.suffix[1:].lower() in ULTRALYTICS
        ]
        n_folders = len({path.parent for path in files})
        if not files and split == "train":
            raise FileNotFoundError("no training images found")
        if files and n_folders != len(names):
            errors.append(f"{split}: requires {len(names)} classes, not {n_folders}")
    return dict(enumerate(names)), errors

"""
What torchvision and Ultralytics find in a folder: their rules, as PyTorch is too large for tests.

Read in `torchvision/datasets/folder.py` of https://pypi.org/project/torchvision/0.29.1/ and in
https://github.com/ultralytics/ultralytics/blob/00bfe3459a05b6c36026fb7689fc73c818da1cd1/ultralytics/data/utils.py
(check_cls_dataset). Ultralytics reads each split by torchvision's `ImageFolder` with
`allow_empty=True` (`ClassificationDataset` in `ultralytics/data/dataset.py`).
"""

import os
from pathlib import Path

TORCHVISION = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
ULTRALYTICS = frozenset(
    ("bmp", "dng", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp", "pfm", "heic")
)


def samples(root: Path, *, allow_empty: bool = False) -> list[tuple[Path, int]]:
    """
    Paths and labels of `ImageFolder(root)`: folders sorted by name, files by extension alone.

    A folder without a file is an error that names it, unless `allow_empty`; so is no folder at all.
    """
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"no folder of a class in {root}")
    found = [
        (Path(place, name), label)
        for label, class_name in enumerate(classes)
        for place, _, names in sorted(os.walk(root / class_name, followlinks=True))
        for name in sorted(names)
        if name.lower().endswith(TORCHVISION)
    ]
    empty = set(range(len(classes))) - {label for _, label in found}
    if empty and not allow_empty:
        missing = ", ".join(classes[label] for label in sorted(empty))
        raise FileNotFoundError(f"no image of {missing}")
    return found


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

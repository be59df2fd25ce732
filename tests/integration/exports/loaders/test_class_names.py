"""
Trees with class names that mean something to their loaders, read as users and lazy users do.

`datasets` 5.2 takes a folder anywhere in a path for a split if its name holds train, test, val and
so on between the ends and `-._ 0-9`:
https://github.com/huggingface/datasets/blob/5.2.0/src/datasets/data_files.py (SPLIT_KEYWORDS),
reported for names of files in https://github.com/huggingface/datasets/issues/5021.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob
from tests.integration.exports.formats.downloads import sha256
from tests.integration.exports.loaders import torch_loaders
from tests.integration.exports.loaders.exported import Exported, rows_of, store_classes
from tests.integration.exports.steps import Store

# What the readers of other people warn of is theirs.
pytestmark = [
    pytest.mark.usefixtures("bucket"),
    pytest.mark.role("crawlset_worker"),
    pytest.mark.filterwarnings("ignore"),
]

WORDS = ("train", "Test", "val", "dev set", "1 eval", "bullet-train", "test.2", "valid_")
ODD = (
    "007", "1.0", "-rf", "~", "train~", ".hidden", "__pycache__", "[a-z]*{b}?", "a, 'b' #c %20",
    "x" * 300, "é" * 200, "caf\u00e9", "cafe\u0301", "https://x.org/?a=b", "a.zip",
    "logs.eval", "task.toml", "bullet\ntrain", "README.md",
    "con.", "..", "🐈", "NA", "classes.txt", "metadata", "$HOME", "a${HOME}", "%PATH%", None,
)  # fmt: skip


class TestClassNames:
    @pytest.mark.parametrize("names", [WORDS, ODD], ids=["split words", "odd"])
    @pytest.mark.parametrize("format_", ["imagefolder", "yolo"])
    def test_trees_are_the_same_to_every_loader(
        self, session: Session, job: CrawlJob, store: Store, tmp_path: Path, load: Any,
        names: tuple[str, ...], format_: str,
    ) -> None:  # fmt: skip
        store_classes(store, *names)

        made = Exported(session, job, tmp_path, format_)

        folder = str(made.folder)
        for loaded in (
            load(folder),
            load(folder, streaming=True),
            load("imagefolder", data_dir=folder),
            load("imagefolder", data_dir=folder, drop_labels=False, streaming=True),
        ):
            assert set(loaded) == {"train", "validation", "test"}
            for split in loaded:
                ours = "val" if (split, format_) == ("validation", "yolo") else split
                assert rows_of(loaded[split]) == made.rows(ours)
        for split in made.splits:
            samples = torch_loaders.samples(made.folder / split)
            found = Counter((sha256(path.read_bytes()), label) for path, label in samples)
            assert found == made.rows(split)
        assert len(made.classes) == len(names) == len(set(made.classes))

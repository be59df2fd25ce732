"""Exports as they lie in a folder, and the rows that loaders find there."""

import io
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import yaml
from PIL import Image as Pillow
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, ExportJob
from tests import factories
from tests.integration.exports.formats.downloads import download, sha256, unpacked
from tests.integration.exports.steps import Store, export, manifest_of

SHARES = {"splits": {"train": 0.6, "validation": 0.2, "test": 0.2}}
TREES = {"imagefolder", "yolo", "coco"}
SIDE = 12

Rows = Counter[tuple[str, int]]
"""How often each picture has each label."""


def picture(seed: int, image_format: str = "jpeg") -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    Pillow.fromarray(pixels).save(out, image_format)
    return out.getvalue()


def store_classes(
    store: Store, *keywords: str | None, n: int = 5, image_format: str = "jpeg", **more: Any
) -> None:
    """Store `n` pictures of each of `keywords`."""
    for keyword in keywords:
        seeds = [zlib.crc32(f"{keyword} {number}".encode()) for number in range(n)]
        bodies = [picture(seed, image_format) for seed in seeds]
        store(bodies, keyword=keyword, width=SIDE, height=SIDE, format=image_format, **more)


class Exported:
    """An export that was downloaded, with its archives unpacked beside the rest."""

    def __init__(
        self,
        session: Session,
        job: CrawlJob,
        root: Path,
        format_: str,
        *,
        unpack: bool = True,
        **options: Any,
    ) -> None:
        self.job: ExportJob = factories.create_export_job(
            session, job, format=format_, export_options=SHARES | options
        )
        export(self.job)
        session.refresh(self.job)
        self.folder = download(self.job, root / "set")
        self.lines = [line for line in manifest_of(self.job) if line["data_file"]]
        if unpack and format_ in TREES:
            unpacked(self.folder, self.folder)
        self.classes = (self.folder / "classes.txt").read_text().splitlines()
        self.card = (self.folder / "README.md").read_text()

    @property
    def front_matter(self) -> dict[str, Any]:
        front: dict[str, Any] = yaml.safe_load(self.card.split("---")[1])
        return front

    @property
    def splits(self) -> set[str]:
        return {line["split"] for line in self.lines}

    def rows(self, split: str | None = None) -> Rows:
        return Counter(
            (line["exported_sha256"], line["label"])
            for line in self.lines
            if split in {None, line["split"]}
        )

    def counts_of_the_card(self) -> Counter[str]:
        """Images by split, as the table of the card has them."""
        table = self.card.partition("## Images")[2].partition("## Licences")[0]
        rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
        found: Counter[str] = Counter()
        for row in rows[2:]:
            found[row[0].strip()] += int(row[-1])
        return found


def rows_of(loaded: Any, column: str = "image", label: str = "label") -> Rows:
    """The rows of one split that `datasets` has loaded or streams."""
    raw = loaded.cast_column(column, datasets.Image(decode=False))
    return Counter((sha256(body_of(row[column])), row[label]) for row in raw)


def body_of(image: dict[str, Any]) -> bytes:
    return image["bytes"] if image["bytes"] is not None else Path(image["path"]).read_bytes()

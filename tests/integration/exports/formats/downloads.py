"""Folders of exports as they would be downloaded."""

import hashlib
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportJob
from tests import factories
from tests.integration.exports.steps import export, manifest_of

SPLITS = {"splits": {"train": 0.5, "validation": 0.25, "test": 0.25}, "stratify": True}
N_OF_A_CLASS = 8
CLASSES = ("cat", "golden dog", "猫")


def exported(
    session: Session, job: CrawlJob, format_: str, root: Path, **options: Any
) -> tuple[Path, list[dict[str, Any]]]:
    """The folder of an export as it would be downloaded, and its manifest's exported lines."""
    export_job = factories.create_export_job(
        session, job, format=format_, export_options=SPLITS | options
    )
    export(export_job)
    folder = download(export_job, root / format_)
    lines = [line for line in manifest_of(export_job) if line["data_file"]]
    assert len(lines) == len(CLASSES) * N_OF_A_CLASS == export_job_images(session, export_job)
    return folder, lines


def export_job_images(session: Session, export_job: ExportJob) -> int:
    session.refresh(export_job)
    return export_job.n_images


def download(export_job: ExportJob, folder: Path) -> Path:
    prefix = f"exports/{export_job.id}/"
    for key in objects.list_keys(prefix):
        name = key.removeprefix(prefix)
        if not name.startswith("plan/"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(objects.get(key))
    return folder


def unpacked(folder: Path, into: Path) -> Path:
    for path in sorted((folder / "data").iterdir()):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                archive.extractall(into)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(into, filter="data")
    return into


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def sums(lines: list[dict[str, Any]], split: str | None = None) -> Counter[str]:
    return Counter(line["exported_sha256"] for line in lines if split in {None, line["split"]})

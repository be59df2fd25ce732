"""A finished export as a directory: downloaded, verified, unpacked, then put in place at once."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from crawlset_client import transfers
from crawlset_client.api import Crawlset
from crawlset_client.errors import ApiError, DoesNotAddUpError, TargetError, UnsafeArchiveError
from crawlset_client.models import CrawlJob, ExportFile, ExportJob
from crawlset_client.transfers import Advance
from crawlset_client.unpack import unpack, unsafe_reason

MARKER = ".crawlset-export.json"
"""In every directory an export made; only such a directory is ever replaced."""
MANIFEST = "manifest.jsonl"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif"})
SPLIT_AND_CLASS = 2
ADDRESS_EXPIRED = 403

Splits = dict[str, dict[str, int]]
"""Images by split, then by class."""
Transfer = Callable[[str, int], AbstractContextManager[Advance]]
"""Opens something that shows bytes on their way: a label, and how many there will be."""


@dataclass(frozen=True)
class Dataset:
    path: Path
    splits: Splits

    @property
    def n_images(self) -> int:
        return sum(sum(classes.values()) for classes in self.splits.values())


def check_target(out: Path, *, is_forced: bool) -> None:
    """
    Raise `TargetError` unless an export may be put at `out`.

    It may where nothing is, into an empty directory, and, if forced, in place of another export.
    """
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise TargetError(f"{out} is there and is not a directory.")
    if out.resolve() == Path.cwd():
        raise TargetError("The working directory itself cannot be replaced; name one inside it.")
    if not any(out.iterdir()):
        return
    if not (out / MARKER).is_file():
        raise TargetError(f"{out} is not empty and holds no export; choose another directory.")
    if not is_forced:
        raise TargetError(f"{out} holds an export already; give --force to replace it.")


def fetch_dataset(
    crawlset: Crawlset,
    job: CrawlJob,
    export: ExportJob,
    out: Path,
    transfer: Transfer,
    *,
    is_forced: bool = False,
) -> Dataset:
    """
    Bring a completed export to `out`, whole or not at all.

    Files that came whole before an interruption are not downloaded again. Raises `TargetError`,
    `ExportDamagedError`, `UnsafeArchiveError`, `DoesNotAddUpError`, and as `Crawlset` does.
    """
    check_target(out, is_forced=is_forced)
    out = out.absolute()
    stage = out.parent / f".{out.name}.{export.id}.partial"
    downloads, data = stage / "files", stage / "data"
    downloads.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    files = list(crawlset.list_export_files(job.project_id, job.id, export.id))
    for file in files:
        _check_name(export, file)
    missing = [file for file in files if not transfers.is_whole(downloads / file.name, file)]
    with transfer("Downloading", sum(file.file_size for file in missing)) as advance:
        for file in missing:
            _download(crawlset, job, export, file, target=downloads / file.name, advance=advance)
    for file in files:
        path = downloads / file.name
        if path.suffix.lower() == ".zip":
            unpack(path, data)
        else:
            shutil.copyfile(path, data / file.name)
    splits = count_images(data)
    n_images = sum(sum(classes.values()) for classes in splits.values())
    if export.n_images is not None and n_images != export.n_images:
        raise DoesNotAddUpError(
            f"Export {export.id} holds {n_images:,} images where it says {export.n_images:,}."
        )
    _write_marker(data, job, export, files)
    _put_in_place(data, out, stage / "replaced")
    shutil.rmtree(stage, ignore_errors=True)
    return Dataset(out, splits)


def count_images(root: Path) -> Splits:
    """The images of an ImageFolder `root/split/class/…` by split and class, sorted by name."""
    counts: dict[str, Counter[str]] = {}
    for path in root.rglob("*"):
        inner = path.relative_to(root).parts
        if path.suffix.lower() in IMAGE_SUFFIXES and len(inner) > SPLIT_AND_CLASS:
            counts.setdefault(inner[0], Counter())[inner[1]] += 1
    return {split: dict(sorted(counts[split].items())) for split in sorted(counts)}


def count_manifest_outcomes(root: Path) -> Counter[str] | None:
    """Candidates in the dataset's manifest by outcome; None if it has none."""
    for name, opener in ((MANIFEST, open), (f"{MANIFEST}.gz", gzip.open)):
        if (root / name).is_file():
            with opener(root / name, "rb") as lines:
                return Counter(json.loads(line).get("outcome") for line in lines if line.strip())
    return None


def _check_name(export: ExportJob, file: ExportFile) -> None:
    reason = unsafe_reason(file.name)
    if reason is None and "/" in file.name:
        reason = "names a directory"
    if reason is not None:
        raise UnsafeArchiveError(f"Export {export.id}", file.name, reason)


def _download(
    crawlset: Crawlset,
    job: CrawlJob,
    export: ExportJob,
    file: ExportFile,
    *,
    target: Path,
    advance: Advance,
) -> None:
    """Download from the address given, or from a fresh one if that has expired."""
    try:
        crawlset.download(file, target, advance=advance)
    except ApiError as error:
        if error.status != ADDRESS_EXPIRED:
            raise
        files = crawlset.list_export_files(job.project_id, job.id, export.id)
        fresh = next(other for other in files if other.name == file.name)
        crawlset.download(fresh, target, advance=advance)


def _write_marker(
    data: Path, job: CrawlJob, export: ExportJob, files: Sequence[ExportFile]
) -> None:
    marker = {
        "project_id": job.project_id,
        "crawl_job_id": job.id,
        "validation_job_id": export.validation_job_id,
        "export_job_id": export.id,
        "format": export.format,
        "files": [file.model_dump(include={"name", "file_size", "sha256"}) for file in files],
    }
    (data / MARKER).write_text(json.dumps(marker, indent=2) + "\n")


def _put_in_place(data: Path, out: Path, replaced: Path) -> None:
    if out.is_dir():
        shutil.rmtree(replaced, ignore_errors=True)
        out.rename(replaced)
    try:
        data.rename(out)
    except OSError:
        if replaced.is_dir():
            replaced.rename(out)
        raise

"""A finished export as a directory: downloaded, verified, unpacked, then put in place at once."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from crawlset_client import transfers
from crawlset_client.api import Crawlset
from crawlset_client.errors import ApiError, DoesNotAddUpError, TargetError, UnsafeArchiveError
from crawlset_client.manifests import Splits, count_images
from crawlset_client.models import CrawlJob, ExportFile, ExportJob
from crawlset_client.transfers import Advance
from crawlset_client.unpack import SUFFIXES, unpack, unsafe_reason

MARKER = ".crawlset-export.json"
"""In every directory an export made, also unfinished; only such a one is replaced or removed."""
STAGE_SUFFIX = ".partial"
REPLACED = "replaced"
"""In a stage: the export that was at its place, for a moment."""
TREES = frozenset({"imagefolder", "coco", "yolo"})
"""Formats whose archives are made to be unpacked."""
AT_ONCE = 4
ADDRESS_EXPIRED = 403

Transfer = Callable[[str, int], AbstractContextManager[Advance]]
"""Opens something that shows bytes on their way: a label, and how many there will be."""


class StoppedError(Exception):
    """Another download has failed, so that this one is of no use."""


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
    is_unpacked: bool = True,
) -> Dataset:
    """
    Bring a completed export to `out`, whole or not at all; archives of images are unpacked.

    What came before an interruption is not downloaded again. Raises `TargetError`,
    `ExportDamagedError`, `UnsafeArchiveError`, `DoesNotAddUpError`, and as `Crawlset` does.
    """
    check_target(out, is_forced=is_forced)
    out = out.absolute()
    files = list(crawlset.list_export_files(job.project_id, job.id, export.id))
    for file in files:
        _check_name(export, file)
    stage = out.parent / f".{out.name}.{export.id}{STAGE_SUFFIX}"
    downloads, data = stage / "files", stage / "data"
    downloads.mkdir(parents=True, exist_ok=True)
    (stage / MARKER).write_text(json.dumps({"export_job_id": export.id}) + "\n")
    shutil.rmtree(data, ignore_errors=True)
    try:
        _download_all(crawlset, job, export, files, downloads, transfer)
    except ApiError:
        if not any(path.is_file() for path in downloads.rglob("*")):
            shutil.rmtree(stage, ignore_errors=True)  # nothing in it to go on with
        raise
    data.mkdir()
    has_tree = is_unpacked and export.format in TREES
    for file in files:
        path = downloads / file.name
        if has_tree and file.name.startswith("data/") and file.name.endswith(SUFFIXES):
            unpack(path, data)
        else:
            _link(path, data / file.name)
    dataset = Dataset(out, count_images(data, is_unpacked=has_tree))
    if export.n_images is not None and dataset.n_images != export.n_images:
        raise DoesNotAddUpError(
            f"Export {export.id} holds {dataset.n_images:,} images"
            f" where it says {export.n_images:,}."
        )
    _write_marker(data, job, export, files)
    _put_in_place(data, out, stage / REPLACED)
    shutil.rmtree(stage, ignore_errors=True)
    return dataset


def _download_all(
    crawlset: Crawlset,
    job: CrawlJob,
    export: ExportJob,
    files: Sequence[ExportFile],
    downloads: Path,
    transfer: Transfer,
) -> None:
    """A few at once, into `downloads`; the first error stops all."""
    missing = [file for file in files if not transfers.is_whole(downloads / file.name, file)]
    stopped, lock = Event(), Lock()
    n_bytes = sum(file.file_size for file in missing)
    with transfer("Downloading", n_bytes) as show, ThreadPoolExecutor(AT_ONCE) as pool:

        def advance(n: int) -> None:
            if stopped.is_set():
                raise StoppedError
            with lock:
                show(n)

        def download(file: ExportFile) -> None:
            target = downloads / file.name
            try:
                _download(crawlset, job, export, file, target=target, advance=advance)
            except StoppedError:
                return
            except BaseException:
                stopped.set()
                raise

        waiting = [pool.submit(download, file) for file in missing]
        try:
            for future in waiting:
                future.result()
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _link(path: Path, target: Path) -> None:
    """The same file under another name, or a copy where the disk knows no such thing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


def _check_name(export: ExportJob, file: ExportFile) -> None:
    reason = unsafe_reason(file.name)
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
        "files": [
            {"name": file.name, "file_size": file.file_size, "sha256": file.sha256}
            for file in files
        ],
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

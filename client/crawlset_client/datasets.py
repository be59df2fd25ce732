"""A finished export as a directory: downloaded, verified, unpacked, then put in place at once."""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

from crawlset_client import transfers
from crawlset_client.api import Crawlset
from crawlset_client.errors import (
    ApiError,
    DoesNotAddUpError,
    ExportDamagedError,
    UnsafeArchiveError,
)
from crawlset_client.manifests import Splits, count_images
from crawlset_client.models import CrawlJob, ExportFile, ExportJob
from crawlset_client.placing import (
    MARKER,
    STAGE_SUFFIX,
    Written,
    check_target,
    clear,
    link,
    put_in_place,
    restore,
    write_marker,
)
from crawlset_client.transfers import Advance
from crawlset_client.unpack import SUFFIXES, unpack, unsafe_reason

CHECKSUMS = "SHA256SUMS"
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
    n_kept: int = 0
    """Files of others that were in the directory and stay there."""

    @property
    def n_images(self) -> int:
        return sum(sum(classes.values()) for classes in self.splits.values())


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

    What came before an interruption is not downloaded again. Of an export that is replaced only
    what it had written is deleted. Raises `TargetError`,
    `ExportDamagedError`, `UnsafeArchiveError`, `DoesNotAddUpError`, and as `Crawlset` does.
    """
    restore(out)
    check_target(out, is_forced=is_forced)
    out = out.resolve()
    files = list(crawlset.exports.list_files(job.project_id, job.id, export.id))
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
            clear(stage)  # nothing in it to go on with
        raise
    data.mkdir()
    has_tree = is_unpacked and export.format in TREES
    written: list[Written] = []
    for file in files:
        path = downloads / file.name
        if has_tree and file.name.startswith("data/") and file.name.endswith(SUFFIXES):
            written += unpack(path, data)
        elif not (has_tree and file.name == CHECKSUMS):
            link(path, data / file.name)
            written.append(Written(file.name, file.file_size, file.sha256))
    if has_tree:
        written.append(_write_checksums(data, written))
    splits = count_images(data, is_unpacked=has_tree)
    n_images = Dataset(out, splits).n_images
    if export.n_images is not None and n_images != export.n_images:
        raise DoesNotAddUpError(
            f"Export {export.id} holds {n_images:,} images where it says {export.n_images:,}."
        )
    write_marker(data, _about(job, export, files), written)
    again = f"fetch it with --export-id {export.id}: what was downloaded is kept"
    n_kept = put_in_place(data, out, stage, again)
    clear(stage)
    return Dataset(out, splits, n_kept)


def _write_checksums(data: Path, written: Sequence[Written]) -> Written:
    """Let `sha256sum --check` find what was unpacked, instead of the archives."""
    lines = (f"{file.sha256}  {file.name}\n" for file in sorted(written, key=lambda f: f.name))
    body = "".join(lines).encode()
    (data / CHECKSUMS).write_bytes(body)
    return Written(CHECKSUMS, len(body), hashlib.sha256(body).hexdigest())


def _download_all(
    crawlset: Crawlset,
    job: CrawlJob,
    export: ExportJob,
    files: Sequence[ExportFile],
    downloads: Path,
    transfer: Transfer,
) -> None:
    """
    A few at once, into `downloads`.

    A damaged file keeps none of the others back; any other error stops all. Raises
    `ExportDamagedError` once the rest are there.
    """
    missing = [file for file in files if not transfers.is_whole(downloads / file.name, file)]
    stopped, lock = Event(), Lock()
    damaged: list[ExportDamagedError] = []
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
            except ExportDamagedError as error:
                damaged.append(error)
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
    if damaged:
        n_more = len(damaged) - 1
        raise ExportDamagedError(f"{damaged[0]}" + (f" And {n_more:,} more." if n_more else ""))


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
        crawlset.exports.download(file, target, advance=advance)
    except ApiError as error:
        if error.status != ADDRESS_EXPIRED:
            raise
        files = crawlset.exports.list_files(job.project_id, job.id, export.id)
        fresh = next(other for other in files if other.name == file.name)
        crawlset.exports.download(fresh, target, advance=advance)


def _about(job: CrawlJob, export: ExportJob, files: Sequence[ExportFile]) -> dict[str, Any]:
    return {
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

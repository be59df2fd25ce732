"""What a laptop cloud's data take on the disk, by part and by whose they are."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIDECAR = ".meta.json"
"""Beside each object the emulator keeps what it knows of it."""

BLOCK_BYTES = 512
"""Unit of `st_blocks`, whatever the file system's own blocks are (POSIX)."""

SHARED = "shared"
OWNERS = {"jobs": "crawl_job", "exports": "export_job", "validations": "validation_job"}
"""Folders of the bucket whose folders are named after a row's id, and the row's kind."""


@dataclass
class Size:
    n_bytes: int = 0
    n_files: int = 0

    def add(self, n_bytes: int) -> None:
        self.n_bytes += n_bytes
        self.n_files += 1


@dataclass(frozen=True)
class StoredObject:
    """One file below the emulator's store."""

    path: Path
    bucket: Path
    kind: str
    owner_kind: str
    """`crawl_job`, `export_job`, `validation_job`, or `shared`."""
    owner: str
    n_bytes: int
    modified_at: float


@dataclass(frozen=True)
class Usage:
    parts: dict[str, Size]
    """By what it is for; together they are all there is."""
    owners: dict[tuple[str, str], Size]
    """By kind and id of the row that the objects belong to."""

    @property
    def total(self) -> int:
        return sum(size.n_bytes for size in self.parts.values())


def measure(home: Path) -> Usage:
    """What each part of `home` takes, and each job; also data that lie outside of it."""
    parts: dict[str, Size] = defaultdict(Size)
    owners: dict[tuple[str, str], Size] = defaultdict(Size)
    for name, path in (
        ("database", (home / "pgdata").resolve()),
        ("logs", home / "logs"),
        ("emulator scratch", home / "tmp"),
    ):
        for _, n_bytes, _ in files_below(path):
            parts[name].add(n_bytes)
    for stored in list_objects(home):
        parts[stored.kind].add(stored.n_bytes)
        if stored.owner_kind != SHARED:
            owners[stored.owner_kind, stored.owner].add(stored.n_bytes)
    known = {"pgdata", "logs", "tmp", "s3"}
    for entry in _entries(home):
        if entry.name not in known:
            for _, n_bytes, _ in files_below(entry):
                parts["other"].add(n_bytes)
    return Usage(dict(parts), dict(owners))


def list_objects(home: Path) -> Iterator[StoredObject]:
    for account in _entries(home / "s3"):
        for bucket in _entries(account):
            for path, n_bytes, modified_at in files_below(bucket):
                parts = path.relative_to(bucket).parts
                kind, owner_kind, owner = _belonging(bucket.name, parts)
                yield StoredObject(path, bucket, kind, owner_kind, owner, n_bytes, modified_at)


def files_below(path: Path) -> Iterator[tuple[Path, int, float]]:
    """
    (path, bytes on the disk, time of the last change) of `path` or all files below it.

    Links are not followed; what cannot be read, or goes meanwhile, is left out.
    """
    waiting = [path]
    while waiting:
        current = waiting.pop()
        try:
            status = current.lstat()
            if not current.is_dir() or current.is_symlink():
                yield current, status.st_blocks * BLOCK_BYTES, status.st_mtime
                continue
            waiting.extend(current.iterdir())
        except OSError:
            continue


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def _belonging(bucket: str, parts: tuple[str, ...]) -> tuple[str, str, str]:
    """Kind, owner's kind and owner of the object whose key has these parts (see `keys.py`)."""
    if bucket.endswith("-artifacts"):
        return "deployed code", SHARED, ""
    folder, owner = (*parts, "", "")[:2]
    if folder not in OWNERS or not owner:
        return ("uploads" if folder == "uploads" else "other objects"), SHARED, ""
    if folder != "jobs":
        return folder, OWNERS[folder], owner
    name = parts[-1].removesuffix(SIDECAR)
    kind = "packs" if name.endswith(".tar") else "candidates and outcomes"
    return kind, OWNERS[folder], owner

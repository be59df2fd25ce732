"""The directory of an export: what in it the export wrote, and what is somebody else's."""

import filecmp
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any

from crawlset_client.errors import TargetError

MARKER = ".crawlset-export.json"
"""In every directory an export made, also unfinished; says what was written there."""
STAGE_SUFFIX = ".partial"
REPLACED = "replaced"
"""In a stage: the export that was at its place, for a moment."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of an export; its name is its path below the directory, with `/`."""

    name: str
    size: int
    sha256: str


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
    if _noted(out) is None:
        raise TargetError(
            f"{out} holds an export that does not say which files it wrote, as those of earlier"
            " versions; move it away or choose another directory."
        )


def write_marker(directory: Path, about: Mapping[str, Any], written: Iterable[Written]) -> None:
    """Note in `directory` what was written there, and what it is about."""
    noted = {
        file.name: [file.size, (directory / file.name).stat().st_mtime_ns, file.sha256]
        for file in written
    }
    text = json.dumps({**about, "written": noted})
    (directory / MARKER).write_text(text + "\n", encoding="utf-8")


def others(directory: Path) -> list[str]:
    """
    Files and empty directories that the export in `directory` did not write, or not so.

    A file is taken for unchanged by its size and its time, or else by its SHA-256.
    """
    noted = _noted(directory) or {}
    made = {str(parent) for name in noted for parent in PurePosixPath(name).parents}
    found = []
    for path, is_file in _walk(directory):
        name = path.relative_to(directory).as_posix()
        is_own = _is_untouched(path, name, noted) if is_file else name in made
        if not is_own:
            found.append(name)
    return sorted(found)


def put_in_place(data: Path, out: Path, stage: Path, again: str) -> int:
    """
    Make `data` the directory `out`, in place of the export there; gives how many `others` stay.

    Raises `TargetError` before anything is touched if one of them is where a file of `data` must
    be; `again` says how to go on then. `stage` is a directory beside `out` to work in.
    """
    if not out.is_dir():
        data.rename(out)
        return 0
    kept = others(out)
    _carry(kept, out, data, again)
    replaced = stage / REPLACED
    replaced.mkdir(exist_ok=True)
    old = Path(tempfile.mkdtemp(dir=replaced), "old")
    out.rename(old)
    try:
        data.rename(out)
    except OSError:
        old.rename(out)
        raise
    _discard(old, out)
    return len(kept)


def restore(out: Path) -> None:
    """Put back what a process that died had moved away from `out`."""
    if not out.exists():
        for old in out.parent.glob(f".{escape(out.name)}.*{STAGE_SUFFIX}/{REPLACED}/*/old"):
            if (old / MARKER).is_file():
                old.rename(out)
                _remove_empty(old.parent.parent)
                return


def clear(stage: Path) -> None:
    """Delete `stage`, but nothing of others that is left in it."""
    for name in ("files", "data"):
        shutil.rmtree(stage / name, ignore_errors=True)
    if not (stage / REPLACED).exists():
        (stage / MARKER).unlink(missing_ok=True)
    _remove_empty(stage)


def link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the disk knows no such thing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _carry(names: Sequence[str], out: Path, data: Path, again: str) -> None:
    """Let `data` have the files of others in `out` as well."""
    in_the_way = []
    for name in names:
        source, target = out / name, data / name
        try:
            if source.is_dir() and not source.is_symlink():
                target.mkdir(parents=True, exist_ok=True)
            else:
                link(source, target)
        except (FileExistsError, NotADirectoryError):
            in_the_way.append(name)
    if in_the_way:
        more = f" and {len(in_the_way) - 1:,} more" if len(in_the_way) > 1 else ""
        raise TargetError(
            f"{out / in_the_way[0]}{more} would be overwritten, and the export there did not write"
            f" it so. Nothing was replaced; move it away, then {again}."
        )


def _discard(old: Path, out: Path) -> None:
    """Delete what the export in `old` wrote, and what is in `out` too."""
    noted = _noted(old) or {}
    files = [path for path, is_file in _walk(old) if is_file]
    for path in files:
        name = path.relative_to(old).as_posix()
        if _is_untouched(path, name, noted) or _is_same(path, out / name):
            path.unlink()
    _remove_empty(old.parent.parent)


def _remove_empty(directory: Path) -> None:
    for root, _, _ in os.walk(directory, topdown=False):
        with suppress(OSError):
            Path(root).rmdir()


def _walk(directory: Path) -> Iterator[tuple[Path, bool]]:
    """Everything below but directories with something in them, and whether it is a file."""
    for root, directories, names in os.walk(directory):
        links = [name for name in directories if Path(root, name).is_symlink()]
        for name in (*names, *links):
            yield Path(root, name), True
        if not names and not directories and Path(root) != directory:
            yield Path(root), False


def _noted(directory: Path) -> dict[str, list[Any]] | None:
    """What was written into `directory`; None if its marker does not say."""
    try:
        noted = json.loads((directory / MARKER).read_text(encoding="utf-8"))["written"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return noted if isinstance(noted, dict) else None


def _is_untouched(path: Path, name: str, noted: Mapping[str, list[Any]]) -> bool:
    if name == MARKER:
        return True
    if name not in noted or path.is_symlink() or not path.is_file():
        return False
    size, time, sha256 = noted[name]
    status = path.stat()
    if status.st_size != size:
        return False
    if status.st_mtime_ns == time:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == str(sha256)


def _is_same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return other.is_file() and (one.samefile(other) or filecmp.cmp(one, other, shallow=False))

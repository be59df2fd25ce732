"""ZIP archives, taken apart without ever writing outside of one directory."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from crawlset_client.errors import ExportDamagedError, UnsafeArchiveError

PIECE_BYTES = 1 << 20


def unpack(archive: Path, root: Path) -> int:
    """
    Unpack `archive` below `root`; say how many files it held.

    Every name is judged before the first byte is written. Raises `UnsafeArchiveError` for a
    name that leads elsewhere, a link, or a file that is there already, and `ExportDamagedError`
    for an archive that cannot be read.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            targets = [_target(archive, member, root) for member in members]
            for member, target in zip(members, targets, strict=True):
                with opened.open(member) as source, _create(target) as out:
                    shutil.copyfileobj(source, out, PIECE_BYTES)
    except (FileExistsError, NotADirectoryError) as error:
        raise UnsafeArchiveError(archive.name, member.filename, "is there already") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ExportDamagedError(f"{archive.name} is no readable ZIP archive: {error}.") from error
    return len(members)


def unsafe_reason(name: str) -> str | None:
    """Why a file of this name must not be written below a directory; None if it may."""
    path = PurePosixPath(name)
    if not path.parts or "\0" in name or name.endswith("/"):
        return "has no usable name"
    if path.is_absolute() or "\\" in name or ":" in path.parts[0]:
        return "has a path from another place"
    if ".." in path.parts:
        return "leads outside of the directory"
    return None


def _create(target: Path) -> BinaryIO:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.open("xb")


def _target(archive: Path, member: zipfile.ZipInfo, root: Path) -> Path:
    # ZipInfo cuts its name at a NUL and turns foreign separators; judge what the archive says.
    reason = unsafe_reason(member.orig_filename) or unsafe_reason(member.filename)
    mode = member.external_attr >> 16
    if reason is None and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        reason = "is not an ordinary file"
    if reason is not None:
        raise UnsafeArchiveError(archive.name, member.orig_filename, reason)
    return root / member.filename

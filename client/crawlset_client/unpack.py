"""ZIP and tar archives, taken apart without ever writing outside of one directory."""

import hashlib
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from crawlset_client.errors import ExportDamagedError, UnsafeArchiveError
from crawlset_client.placing import Written

PIECE_BYTES = 1 << 20
SUFFIXES = (".zip", ".tar", ".tar.gz")


@dataclass(frozen=True)
class Member:
    name: str
    is_file: bool
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, root: Path) -> list[Written]:
    """
    Unpack `archive` below `root`; gives the files it held.

    Every name is judged before the first byte is written. Raises `UnsafeArchiveError` for a
    name that leads elsewhere, a link, or a file that is there already, and `ExportDamagedError`
    for an archive that cannot be read.
    """
    current = ""
    written = []
    try:
        with _opened(archive) as members:
            targets = [_target(archive, member, root) for member in members]
            for member, target in zip(members, targets, strict=True):
                current = member.name
                with member.open() as source, _create(target) as out:
                    size, sha256 = _copy(source, out)
                name = target.relative_to(root).as_posix()
                written.append(Written(name, size, sha256))
    except (FileExistsError, NotADirectoryError) as error:
        raise UnsafeArchiveError(archive.name, current, "is there already") from error
    except (
        EOFError, NotImplementedError, RuntimeError, tarfile.TarError, zipfile.BadZipFile
    ) as error:  # fmt: skip
        raise ExportDamagedError(f"{archive.name} is no readable archive: {error}.") from error
    return written


@contextmanager
def _opened(path: Path) -> Iterator[list[Member]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            yield [_zip_member(archive, info) for info in archive.infolist() if not info.is_dir()]
    else:
        with tarfile.open(path) as tar:
            yield [_tar_member(tar, info) for info in tar if not info.isdir()]


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    # ZipInfo cuts its name at a NUL and turns foreign separators; judge what the archive says.
    name = info.filename if unsafe_reason(info.orig_filename) is None else info.orig_filename
    mode = stat.S_IFMT(info.external_attr >> 16)
    return Member(name, mode in {0, stat.S_IFREG}, lambda: archive.open(info))


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def opened() -> IO[bytes]:
        file = tar.extractfile(info)
        if file is None:
            raise tarfile.ReadError(f"{info.name} is no file")
        return file

    return Member(info.name, info.isreg(), opened)


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


def _copy(source: IO[bytes], out: BinaryIO) -> tuple[int, str]:
    """Gives how many bytes there were, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE_BYTES):
        digest.update(piece)
        size += out.write(piece)
    return size, digest.hexdigest()


def _create(target: Path) -> BinaryIO:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.open("xb")


def _target(archive: Path, member: Member, root: Path) -> Path:
    reason = unsafe_reason(member.name)
    if reason is None and not member.is_file:
        reason = "is not an ordinary file"
    if reason is not None:
        raise UnsafeArchiveError(archive.name, member.name, reason)
    return root / member.name

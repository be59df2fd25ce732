"""ZIP and tar archives: the same members in the same order give the same bytes."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from crawlset.exports.options import Archive

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE = 0o100644 << 16
_GZIP_LEVEL = 1
"""Lowest level: pictures are compressed already."""


class ZipWriter:
    """A ZIP archive without compression; of more than 4 GiB if need be."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)

    def append(self, name: str, body: bytes) -> None:
        member = zipfile.ZipInfo(name, _NO_TIME)
        member.create_system = _UNIX
        member.external_attr = _REGULAR_FILE
        self._zip.writestr(member, body)

    def close(self) -> None:
        self._zip.close()


class TarWriter:
    """A POSIX (pax) archive, whose names may be long and of any script."""

    def __init__(self, path: Path, *, is_gzipped: bool = False) -> None:
        self._open = ExitStack()
        out: IO[bytes] = self._open.enter_context(path.open("wb"))
        if is_gzipped:
            out = cast("IO[bytes]", gzip.GzipFile("", "wb", _GZIP_LEVEL, out, mtime=0))
            self._open.callback(out.close)
        self._tar = tarfile.TarFile(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)
        self._open.callback(self._tar.close)

    def append(self, name: str, body: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(body)
        self._tar.addfile(member, io.BytesIO(body))

    def close(self) -> None:
        self._open.close()


def open_archive(path: Path, kind: Archive) -> ZipWriter | TarWriter:
    if kind is Archive.zip:
        return ZipWriter(path)
    return TarWriter(path, is_gzipped=kind is Archive.tar_gz)


def members_of(path: Path, kind: Archive) -> Iterator[tuple[str, bytes]]:
    """
    Name and bytes of each member, in order.

    Raises `ValueError` for what is no such archive, or has another checksum than it says.
    """
    try:
        if kind is Archive.zip:
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    yield info.filename, archive.read(info)
        else:
            with tarfile.open(path, "r:gz" if kind is Archive.tar_gz else "r:") as tar:
                for member in tar:
                    opened = tar.extractfile(member)
                    yield member.name, opened.read() if opened else b""
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"it cannot be read: {error}") from error

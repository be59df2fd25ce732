"""Zip and tar files, whose members are read where they are and never unpacked to a disk."""

import codecs
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from typing import BinaryIO, Protocol, cast

from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.manifest_wire import Packing

MAX_MEMBERS = 200_000
"""Files in an archive: GBIF's have one for each of their data sets."""
SHOWN_NAMES = 5
_GZIP_SUFFIX = ".gz"
_ENCRYPTED = 0x1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    OSError,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What broken archives end in: Python's modules check little of what their headers say."""
_ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1252", "ascii", "cp437")


class FileArchive(Protocol):
    """A zip or tar file that is open, and the names of its members."""

    names: tuple[str, ...]

    def open(self, name: str) -> BinaryIO:
        """The bytes of a member, from its beginning; those of one in gzip unpacked."""
        ...


def prepare() -> None:
    """Import what reading needs, while files can be read."""
    for name in _ENCODINGS:
        codecs.lookup(name)


def open_archive(stream: BinaryIO, packing: Packing) -> FileArchive:
    """
    The members of a zip file, or of a tar file as it is or in gzip.

    Raises `MalformedManifestError` for one that is broken.
    """
    kind = "zip" if packing is Packing.zip else "tar"
    try:
        return _Zip(stream) if packing is Packing.zip else _Tar(stream, packing)
    except _ERRORS as error:
        raise MalformedManifestError(f"The {kind} file is broken: {str(error)[:100]}") from error


def member(archive: FileArchive, name: str) -> str | None:
    """The member of this file name, in gzip or not, that is in the fewest folders."""
    wanted = {name.lower(), name.lower() + _GZIP_SUFFIX}
    found = [path for path in archive.names if path.rpartition("/")[2].lower() in wanted]
    return min(found, key=lambda path: (path.count("/"), path), default=None)


def told_names(archive: FileArchive) -> str:
    """The first names, for an error to tell."""
    told = ", ".join(name[-100:] for name in archive.names[:SHOWN_NAMES])
    more = len(archive.names) - SHOWN_NAMES
    return f"{told} and {more:,} more" if more > 0 else told or "nothing"


class _Zip:
    def __init__(self, stream: BinaryIO) -> None:
        self._file = zipfile.ZipFile(stream)
        members = [info for info in self._file.infolist() if not info.is_dir()]
        _check_number(len(members))
        self._infos = {info.filename: info for info in members}
        self.names = tuple(self._infos)

    def open(self, name: str) -> BinaryIO:
        info = self._infos[name]
        if info.flag_bits & _ENCRYPTED:
            raise MalformedManifestError(f"{name} in the zip file is encrypted.")
        if info.compress_type not in _METHODS:
            raise MalformedManifestError(f"{name} in the zip file is not packed by deflate.")
        try:
            return _opened(name, cast(BinaryIO, self._file.open(info)))
        except _ERRORS as error:
            raise _broken(name, error) from error


class _Tar:
    def __init__(self, stream: BinaryIO, packing: Packing) -> None:
        if packing is Packing.tar_gzip:
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        self._file = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - the stream is ours
        self._infos: dict[str, tarfile.TarInfo] = {}
        for number, info in enumerate(self._file):
            _check_number(number)
            if info.isreg():
                self._infos[info.name] = info
        self.names = tuple(self._infos)

    def open(self, name: str) -> BinaryIO:
        return _opened(name, cast(BinaryIO, self._file.extractfile(self._infos[name])))


class _Member(io.RawIOBase):
    """Bytes of a member; what is wrong with them is an error of the list."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name = name
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            piece = self._file.read(len(buffer))
        except _ERRORS as error:
            raise _broken(self._name, error) from error
        buffer[: len(piece)] = piece
        return len(piece)


def _opened(name: str, file: BinaryIO) -> BinaryIO:
    if name.lower().endswith(_GZIP_SUFFIX):
        file = cast(BinaryIO, gzip.GzipFile(fileobj=file))
    return cast(BinaryIO, io.BufferedReader(_Member(name, file), 1 << 16))


def _broken(name: str, error: Exception) -> MalformedManifestError:
    return MalformedManifestError(f"{name} in the archive is broken: {str(error)[:100]}")


def _check_number(n_members: int) -> None:
    if n_members > MAX_MEMBERS:
        raise MalformedManifestError(f"The archive has more than {MAX_MEMBERS:,} files.")

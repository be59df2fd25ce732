"""Files of an export on their way to the bucket and back: never whole in memory."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Self
from uuid import UUID

from crawlset.errors import ConflictError
from crawlset.kit import objects
from crawlset.wire import keys

PIECE = 1 << 20


class ExportDamagedError(ConflictError):
    """A file that was read back is not what was written."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} of the export is damaged: {reason}.")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    name: str
    file_size: int
    sha256: str

    @classmethod
    def at(cls, path: Path, name: str) -> Self:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return cls(name, path.stat().st_size, digest)


def upload(export_id: UUID, path: Path, name: str) -> WrittenFile:
    """Upload a file, in parts if it is large; a failure leaves nothing behind."""
    written = WrittenFile.at(path, name)
    objects.put_file(keys.export_file(export_id, name), path)
    return written


def download(export_id: UUID, file: WrittenFile, path: Path) -> None:
    """
    Raises:
        ExportDamagedError: it is not there, or not as it was written.
    """
    digest = hashlib.sha256()
    try:
        with path.open("wb") as out:
            for piece in objects.stream(keys.export_file(export_id, file.name), PIECE):
                digest.update(piece)
                out.write(piece)
    except objects.ObjectAbsentError as error:
        raise ExportDamagedError(file.name, "it is gone") from error
    if path.stat().st_size != file.file_size:
        raise ExportDamagedError(file.name, "it has another size")
    if digest.hexdigest() != file.sha256:
        raise ExportDamagedError(file.name, "it has another SHA-256")


def presign(export_id: UUID, name: str, lifetime: timedelta) -> str:
    """A URL from which anyone may download the file for a while."""
    disposition = f'attachment; filename="{PurePosixPath(name).name}"'
    return objects.presign_get(
        keys.export_file(export_id, name), lifetime, ResponseContentDisposition=disposition
    )


def delete_all(export_id: UUID) -> int:
    """Delete every object of the export; say how many there were."""
    return objects.delete_all(keys.export_file(export_id, ""))

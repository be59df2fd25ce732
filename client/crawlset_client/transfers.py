"""Files to and from the object store, by presigned URLs: no key of ours is sent there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from crawlset_client import calls
from crawlset_client.calls import Sleep
from crawlset_client.errors import ExportDamagedError
from crawlset_client.late import late_import
from crawlset_client.models import ExportFile, Upload

if TYPE_CHECKING:
    import hashlib

    import httpx
else:
    hashlib, httpx = late_import("hashlib"), late_import("httpx")

PIECE_BYTES = 1 << 18

Advance = Callable[[int], None]
"""Told of bytes as they are sent or received; a negative number takes some back."""

AS_STORED = {"Accept-Encoding": "identity"}


def put(
    storage: httpx.Client, upload: Upload, path: Path, *, advance: Advance, sleep: Sleep
) -> None:
    """Send the file at `path`. Raises as `calls.send` does."""
    size = path.stat().st_size
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
                sent += len(piece)
                advance(len(piece))

    def attempt() -> httpx.Response:
        nonlocal sent
        advance(-sent)
        sent = 0
        # The store takes no body of unknown length.
        headers = {**upload.headers, "Content-Length": str(size)}
        return storage.request(upload.method, upload.url, content=pieces(), headers=headers)

    calls.repeat(attempt, upload.url, is_harmless=True, sleep=sleep)


def get(
    storage: httpx.Client, file: ExportFile, target: Path, *, advance: Advance, sleep: Sleep
) -> None:
    """
    Write `file` to `target`, which appears only once its size and SHA-256 are right.

    What came before an interruption stays beside it and is not asked for again. Raises
    `ExportDamagedError`, or as `calls.send` does.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Partial(target.with_name(f"{target.name}.partial"), advance)

    def attempt() -> httpx.Response:
        headers = AS_STORED | partial.range_header()
        with storage.stream("GET", file.url, headers=headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                partial.discard()
            if not response.is_success:
                response.read()
                return response
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                partial.discard()
            partial.receive(response.iter_raw(PIECE_BYTES), file.file_size)
        return response

    if partial.size < file.file_size or file.file_size == 0:
        calls.repeat(attempt, file.url, is_harmless=True, sleep=sleep)
    if partial.size != file.file_size:
        size = partial.size
        partial.discard()
        raise ExportDamagedError(
            f"{file.name} came with {size:,} bytes instead of {file.file_size:,}."
        )
    if partial.sha256() != file.sha256.lower():
        partial.discard()
        raise ExportDamagedError(f"{file.name} came damaged: its SHA-256 is another.")
    partial.path.replace(target)


class Partial:
    """The beginning of a file that is being downloaded; what is there already is counted."""

    def __init__(self, path: Path, advance: Advance) -> None:
        self.path = path
        self.size = 0
        self._advance = advance
        self._digest = hashlib.sha256()
        if path.is_file():
            with path.open("rb") as stream:
                while piece := stream.read(PIECE_BYTES):
                    self._count(piece)

    def range_header(self) -> dict[str, str]:
        return {"Range": f"bytes={self.size}-"} if self.size else {}

    def receive(self, pieces: Iterator[bytes], limit: int) -> None:
        """Append `pieces`, but little more than `limit` bytes in all."""
        with self.path.open("ab") as out:
            for piece in pieces:
                out.write(piece)
                self._count(piece)
                if self.size > limit:
                    break

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._advance(-self.size)
        self.size, self._digest = 0, hashlib.sha256()

    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _count(self, piece: bytes) -> None:
        self.size += len(piece)
        self._digest.update(piece)
        self._advance(len(piece))


def is_whole(path: Path, file: ExportFile) -> bool:
    """Whether `path` holds `file`, byte for byte."""
    try:
        if path.stat().st_size != file.file_size:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256.lower()
    except OSError:
        return False

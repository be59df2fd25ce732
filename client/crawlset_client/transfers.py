"""Files to and from the object store, by presigned URLs: no key of ours is sent there."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from crawlset_client import calls
from crawlset_client.calls import CLIENT_ERRORS_FROM, Sleep
from crawlset_client.errors import ExportDamagedError
from crawlset_client.models import ExportFile, Upload

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

    Raises `ExportDamagedError`, or as `calls.send` does.
    """
    partial = target.with_name(f"{target.name}.partial")
    received = 0
    digest = hashlib.sha256()

    def attempt() -> httpx.Response:
        nonlocal received, digest
        advance(-received)
        received, digest = 0, hashlib.sha256()
        with storage.stream("GET", file.url, headers=AS_STORED) as response:
            if response.status_code >= CLIENT_ERRORS_FROM:
                response.read()
                return response
            with partial.open("wb") as out:
                for piece in response.iter_raw(PIECE_BYTES):
                    received += len(piece)
                    if received > file.file_size:
                        break
                    out.write(piece)
                    digest.update(piece)
                    advance(len(piece))
        return response

    try:
        calls.repeat(attempt, file.url, is_harmless=True, sleep=sleep)
        if received != file.file_size:
            raise ExportDamagedError(
                f"{file.name} came with {received:,} bytes instead of {file.file_size:,}."
            )
        if digest.hexdigest() != file.sha256.lower():
            raise ExportDamagedError(f"{file.name} came damaged: its SHA-256 is another.")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def is_whole(path: Path, file: ExportFile) -> bool:
    """Whether `path` holds `file`, byte for byte."""
    try:
        if path.stat().st_size != file.file_size:
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256.lower()
    except OSError:
        return False

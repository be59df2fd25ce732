"""What the functions of a template run: each directory as a bundle, known by its content."""

import hashlib
import io
import shlex
import sys
import zipfile
from pathlib import Path

from crawlset_local import emulator, runtime_bootstrap
from crawlset_local.errors import DeployError

_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_CODE = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


class Artifacts:
    """What the emulator is to find in `bucket`, by keys that say what it is."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._bodies: dict[str, bytes] = {}

    def add_bundle(self, directory: Path) -> str:
        """The `s3://` address of the code in `directory`. Raises `DeployError` if it is none."""
        return f"s3://{self.bucket}/{self.add(_zip(directory), '.zip')}"

    def add(self, body: bytes, suffix: str) -> str:
        """The key of `body`."""
        key = hashlib.sha256(body).hexdigest() + suffix
        self._bodies[key] = body
        return key

    def store(self, port: int) -> None:
        """Put into the emulator on `port` what it has not kept from an earlier start."""
        s3 = emulator.client("s3", port)
        stored = {
            entry["Key"]: entry["ETag"].strip('"')
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            for entry in page.get("Contents", ())
        }
        for key, body in self._bodies.items():
            # A file that a loss of power has cut off is told by its sum.
            if stored.get(key) != hashlib.md5(body, usedforsecurity=False).hexdigest():
                s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        for key in stored.keys() - self._bodies.keys():
            s3.delete_object(Bucket=self.bucket, Key=key)


def _zip(directory: Path) -> bytes:
    """`directory` and the laptop's runtime as a bundle; the same files give the same bytes."""
    if not directory.is_dir():
        raise DeployError(f"The code directory {directory} does not exist.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not _NOT_CODE.intersection(path.parts):
                entry = zipfile.ZipInfo(path.relative_to(directory).as_posix(), _EPOCH)
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, path.read_bytes())
        entry = zipfile.ZipInfo("bootstrap", _EPOCH)
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, _bootstrap())
    return buffer.getvalue()


def _bootstrap() -> str:
    runtime = shlex.join([sys.executable, "-P", runtime_bootstrap.__file__])
    not_inherited = " ".join(emulator.ALLOCATOR)
    return f"#!/bin/sh\nunset {not_inherited}\nexec {runtime}\n"

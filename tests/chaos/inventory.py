"""Everything in the bucket, opened: packs, archives and tables down to the pictures in them."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from tests.chaos.world import World

ZIP, PARQUET = b"PK\x03\x04", b"PAR1"


@dataclass(frozen=True)
class Stored:
    """An object, or a file within one: where its bytes begin, if that is known, and their hash."""

    key: str
    name: str
    offset: int | None
    n_bytes: int
    sha256: str


class Inventory:
    """The bucket as it is at the moment when it is first asked."""

    def __init__(self, world: World) -> None:
        self._world = world

    @cached_property
    def bodies(self) -> dict[str, bytes]:
        return {key: self._world.read(key) for key, _ in self._world.objects()}

    @cached_property
    def stored(self) -> list[Stored]:
        """Each object whole, and each file in it."""
        return [one for key, body in self.bodies.items() for one in open_up(key, body)]

    def digest(self, key: str) -> str:
        return _sha256(self.bodies[key])


def open_up(key: str, body: bytes) -> Iterator[Stored]:
    yield Stored(key, "", 0, len(body), _sha256(body))
    if key.endswith(".tar"):
        yield from _open_tar(key, body)
    elif body.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for info in archive.infolist():
                content = archive.read(info)
                yield Stored(key, info.filename, None, len(content), _sha256(content))
    elif body.startswith(PARQUET):
        yield from _open_parquet(key, body)


def _open_tar(key: str, body: bytes) -> Iterator[Stored]:
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        for member in archive:
            end = member.offset_data + member.size
            content = body[member.offset_data : end]
            yield Stored(key, member.name, member.offset_data, member.size, _sha256(content))


def _open_parquet(key: str, body: bytes) -> Iterator[Stored]:
    """Every picture of the column `image`, which Hugging Face reads as `bytes` and `path`."""
    table = pq.read_table(io.BytesIO(body))
    if "image" not in table.column_names or not pa.types.is_struct(
        table.schema.field("image").type
    ):
        return
    for picture in table.column("image").to_pylist():
        content = picture["bytes"]
        yield Stored(key, picture["path"] or "", None, len(content), _sha256(content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

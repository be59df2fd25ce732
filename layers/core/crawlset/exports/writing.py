"""Write one file of data of an export, straight from the packs."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from crawlset.errors import ConflictError
from crawlset.exports import pictures
from crawlset.exports.formats.base import ExportedPicture, ExportFormat, Sample
from crawlset.exports.names import key_of
from crawlset.exports.options import ExportOptions
from crawlset.exports.pictures import LeftOut
from crawlset.packs import reader
from crawlset.packs.reader import GetRange
from crawlset.wire.exports import Member, Shard


class PackDamagedError(ConflictError):
    def __init__(self, member: Member) -> None:
        image_id = member.entry["image_id"]
        super().__init__(f"Image {image_id} in its pack is not what was fetched.")


def write(
    export_format: ExportFormat,
    shard: Shard,
    members: Iterable[Member],
    get_range: GetRange,
    path: Path,
) -> list[dict[str, Any]]:
    """
    Write `members` to `path`; gives what became of each, as fields of the manifest.

    Raises:
        PackDamagedError: a pack does not hold what it should.
    """
    results: list[dict[str, Any]] = []
    name, options = export_format.data_name(shard), export_format.options
    with closing(export_format.open_writer(path)) as writer:
        for member, picture in pictures.made(_read(members, get_range), options):
            if isinstance(picture, LeftOut):
                results.append({"left_out": picture.reason, "left_out_detail": picture.detail})
                continue
            sample = _sample(export_format, shard, member, picture)
            writer.append(sample)
            results.append(
                {
                    "data_file": name,
                    "file_name": sample.file_name,
                    "exported_sha256": _exported_sha256(member, picture, options),
                    "exported_size": len(picture.data),
                    "exported_width": picture.width,
                    "exported_height": picture.height,
                    "exported_format": picture.format,
                }
            )
    return results


def _read(members: Iterable[Member], get_range: GetRange) -> Iterator[tuple[Member, bytes]]:
    for member, body in reader.read(members, get_range):
        if hashlib.sha256(body).digest() != member.sha256:
            raise PackDamagedError(member)
        yield member, body


def _sample(
    export_format: ExportFormat, shard: Shard, member: Member, picture: ExportedPicture
) -> Sample:
    key = key_of(member.sha256)
    name = export_format.plan.classes[member.label]
    return Sample(
        key=key,
        split=shard.split,
        label=member.label,
        class_name=name,
        file_name=export_format.file_name(shard.split, name, key, picture.format),
        picture=picture,
        entry=member.entry,
    )


def _exported_sha256(member: Member, picture: ExportedPicture, options: ExportOptions) -> str:
    """SHA-256 of the picture's bytes; it is known where they are exported as stored."""
    return member.sha256.hex() if options.keeps_bytes else sha256(picture.data)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()

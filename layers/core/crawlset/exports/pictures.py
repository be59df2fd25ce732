"""The pictures of an export: as they are stored, without metadata, or made anew."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from crawlset.exports.formats.base import ExportedPicture
from crawlset.exports.options import ExportOptions
from crawlset.imaging.decode_child import Result
from crawlset.imaging.features import Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.imaging.stripping import strip
from crawlset.resizing import Resize
from crawlset.wire.exports import Member

BATCH_BYTES = 32 << 20
BATCH_IMAGES = 256


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that cannot be exported as asked."""

    reason: str


Read = Iterable[tuple[Member, bytes]]
Made = Iterator[tuple[Member, ExportedPicture | LeftOut]]


def made(read: Read, options: ExportOptions) -> Made:
    """Each picture as `options` want it, in order; at most `BATCH_BYTES` and one are in memory."""
    transform = options.transform
    pictures = _as_stored(read) if transform is None else _transformed(read, transform)
    return _stripped(pictures) if options.metadata == "strip" else pictures


def _as_stored(read: Read) -> Made:
    for member, body in read:
        entry = member.entry
        yield member, ExportedPicture(body, entry["format"], entry["width"], entry["height"])


def _stripped(pictures: Made) -> Made:
    for member, picture in pictures:
        yield member, picture if isinstance(picture, LeftOut) else _without_metadata(picture)


def _without_metadata(picture: ExportedPicture) -> ExportedPicture | LeftOut:
    try:
        data = strip(picture.data, picture.format)
    except ValueError as error:
        return LeftOut(f"metadata cannot be stripped: {error}")
    return ExportedPicture(data, picture.format, picture.width, picture.height)


def _transformed(read: Read, wanted: Resize) -> Made:
    """Decode in child processes: a file that harms a decoder harms nothing else."""
    with closing(DecodePool()) as pool:
        for batch in _batches(read):
            results = pool.decode_all((data for _, data in batch), wanted)
            for (member, _), result in zip(batch, results, strict=True):
                yield member, _picture(result)


def _picture(result: Result) -> ExportedPicture | LeftOut:
    if isinstance(result, Rejection):
        return LeftOut(f"cannot be transformed: {result.outcome}, {result.detail}")
    picture = result.transformed
    if picture is None:
        return LeftOut("cannot be transformed: the decoder left it as it is")
    return ExportedPicture(picture.data, picture.format, picture.width, picture.height)


def _batches(read: Read) -> Iterator[list[tuple[Member, bytes]]]:
    batch: list[tuple[Member, bytes]] = []
    size = 0
    for member, body in read:
        batch.append((member, body))
        size += len(body)
        if size >= BATCH_BYTES or len(batch) == BATCH_IMAGES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

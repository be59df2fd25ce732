"""The pictures of an export: as they are stored, without metadata, or made anew."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from crawlset.exports.formats.base import ExportedPicture
from crawlset.exports.options import ExportOptions
from crawlset.imaging.features import Blur, Features, PartBox, Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.outcomes import LeftOutReason
from crawlset.resizing import Resize, ResizeMode
from crawlset.wire.exports import Member

BATCH_BYTES = 32 << 20
BATCH_IMAGES = 256
AS_LARGE = Resize(mode=ResizeMode.no, size=0)
"""What becomes of a picture with blurred faces where nothing else is asked."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that cannot be exported as asked."""

    reason: LeftOutReason
    detail: str


FACES_UNKNOWN = LeftOut(
    LeftOutReason.faces_unknown, "the measurer faces has not said where all of its faces are"
)


Read = Iterable[tuple[Member, bytes]]
Made = Iterator[tuple[Member, ExportedPicture | LeftOut]]


def made(read: Read, options: ExportOptions) -> Made:
    """
    Each picture as `options` want it, in order; in memory are `BATCH_BYTES`, twice, and one.

    What opens a file does so in child processes: one that harms them is lost, and nothing else.
    """
    if options.keeps_bytes:
        yield from map(_as_stored, read)
        return
    with closing(DecodePool()) as pool:
        for batch in _batches(read):
            if options.blur_faces:
                pictures = _blurred(pool, batch, options.transform)
            elif options.transform is not None:
                pictures = _transformed(pool, batch, options.transform)
            else:
                pictures = [_as_stored(one) for one in batch]
            yield from _stripped(pool, pictures) if options.is_stripped else pictures


def _as_stored(stored: tuple[Member, bytes]) -> tuple[Member, ExportedPicture]:
    member, body = stored
    entry = member.entry
    return member, ExportedPicture(body, entry["format"], entry["width"], entry["height"])


def _blurred(
    pool: DecodePool, batch: Sequence[tuple[Member, bytes]], wanted: Resize | None
) -> list[tuple[Member, ExportedPicture | LeftOut]]:
    """Pictures without recognisable faces; those that have none stay, if nothing else is asked."""
    anew = {at for at, (member, _) in enumerate(batch) if _is_made_anew(member, wanted)}
    results = pool.blur_all(
        (body, Blur(wanted or AS_LARGE, tuple(map(_part_box, member.faces or ()))))
        for at, (member, body) in enumerate(batch)
        if at in anew
    )
    blurred = iter(results)
    made: list[tuple[Member, ExportedPicture | LeftOut]] = []
    for at, one in enumerate(batch):
        if one[0].faces is None:
            made.append((one[0], FACES_UNKNOWN))
        else:
            made.append((one[0], _picture(next(blurred))) if at in anew else _as_stored(one))
    return made


def _is_made_anew(member: Member, wanted: Resize | None) -> bool:
    """Whether a picture is not exported as stored: its first frame alone was searched for faces."""
    has_frames = (member.entry["n_frames"] or 1) > 1
    return member.faces is not None and bool(wanted or member.faces or has_frames)


def _part_box(box: Sequence[int]) -> PartBox:
    left, top, width, height = box
    return left, top, width, height


def _transformed(
    pool: DecodePool, batch: list[tuple[Member, bytes]], wanted: Resize
) -> list[tuple[Member, ExportedPicture | LeftOut]]:
    results = pool.decode_all((data for _, data in batch), wanted)
    return [(member, _picture(result)) for (member, _), result in zip(batch, results, strict=True)]


def _picture(result: Features | Rejection) -> ExportedPicture | LeftOut:
    if isinstance(result, Rejection):
        return _left_out(LeftOutReason.not_transformed, result)
    picture = result.transformed
    if picture is None:
        return LeftOut(LeftOutReason.not_transformed, "the decoder left it as it is")
    return ExportedPicture(picture.data, picture.format, picture.width, picture.height)


def _stripped(
    pool: DecodePool, pictures: Sequence[tuple[Member, ExportedPicture | LeftOut]]
) -> Made:
    whole = [picture for _, picture in pictures if isinstance(picture, ExportedPicture)]
    results = iter(pool.strip_all((picture.data, picture.format) for picture in whole))
    for member, picture in pictures:
        if isinstance(picture, LeftOut):
            yield member, picture
            continue
        result = next(results)
        if isinstance(result, Rejection):
            yield member, _left_out(LeftOutReason.not_stripped, result)
        else:
            yield member, replace(picture, data=result)


def _left_out(reason: LeftOutReason, rejection: Rejection) -> LeftOut:
    return LeftOut(reason, f"{rejection.outcome}: {rejection.detail}")


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

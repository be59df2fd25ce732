"""Freeze what an export holds: which images, in which split, and all that is known of each."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from crawlset.exports import manifest, missing, plan, split
from crawlset.exports.choice import Choice
from crawlset.exports.folders import folder_name
from crawlset.exports.names import class_names
from crawlset.exports.options import ExportOptions, Group, MissingClasses
from crawlset.exports.plan import Draft
from crawlset.exports.repository import SnapshotRepository
from crawlset.exports.split import TiedImage
from crawlset.models import CrawlJob, ExportJob
from crawlset.urls.spelling import plain_host


def draft(session: Session, job: ExportJob, directory: Path) -> tuple[Draft, list[str]]:
    """
    The plan of `job`, drawn up below `directory`, and its classes.

    What it says is of one moment, that of its last statement; what was stored since the one before
    is left out. In memory is some kilobyte an image of what is stored.
    """
    options = ExportOptions.model_validate(job.export_options)
    crawl_job = session.get_one(CrawlJob, job.crawl_job_id)
    snapshot = SnapshotRepository(session, job)
    choice = Choice(options, is_validated=job.validation_job_id is not None)
    chosen = [row for row in snapshot.stream_stored() if choice.has(row)]
    names = class_names({choice.class_of(row.keyword) for row in chosen})
    classes = sorted(names.values(), key=folder_name)
    labels = {name: at for at, name in enumerate(classes)}
    splits = split.assign(_tied(chosen, choice, options), options)
    if options.missing_classes is MissingClasses.fail:
        present = {(splits[row.id], names[choice.class_of(row.keyword)]) for row in chosen}
        missing.refuse(present, splits=options.splits.wanted)
    drawn = Draft(
        directory,
        shard_images=options.shard_images,
        shard_bytes=options.shard_bytes
        or plan.shard_bytes_for(sum(row.pack_length for row in chosen)),
    )
    with closing(snapshot.stream_candidates()) as candidates:
        for row in candidates:
            is_chosen = row.id in splits and choice.has(row)
            entry = manifest.entry(row, crawl_job.policy, options, is_chosen=is_chosen)
            if is_chosen:
                name = names[choice.class_of(row.keyword)]
                place = row.pack_key, row.pack_offset, row.pack_length
                faces = _known_faces(row.faces) if options.blur_faces else None
                drawn.add(splits[row.id], labels[name], place, entry, faces)
            else:
                drawn.leave_out(entry)
    return drawn, classes


def _known_faces(measured: Any) -> list[list[int]] | None:
    """Boxes of an image's faces; None unless it was measured, and has no more than were kept."""
    n_faces = ((measured or {}).get("measures") or {}).get("faces")
    boxes: list[list[int]] = ((measured or {}).get("details") or {}).get("faces", [])
    return boxes if n_faces == len(boxes) else None


def _tied(
    rows: list[Row[*tuple[Any, ...]]], choice: Choice, options: ExportOptions
) -> Iterator[TiedImage]:
    for row in rows:
        ties = tuple(_ties(row, options))
        yield TiedImage(row.id, row.sha256, choice.class_of(row.keyword), ties)


def _ties(row: Row[*tuple[Any, ...]], options: ExportOptions) -> Iterator[str]:
    shared = {
        Group.near_duplicates: row.cluster,
        Group.host: plain_host(row.host),
        Group.creator: row.creator,
    }
    for group in options.group_by:
        if shared[group] is not None:
            yield f"{group}:{shared[group]}"

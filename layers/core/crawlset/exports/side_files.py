"""The files beside those of data: written in one pass over the plan and what became of it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from crawlset import __version__
from crawlset.exports import card, croissant, manifest, plan
from crawlset.exports.attribution import CSV, MARKDOWN, Attributions
from crawlset.exports.card import README
from crawlset.exports.croissant import CROISSANT
from crawlset.exports.files import WrittenFile
from crawlset.exports.formats.base import ExportFormat, SideFiles
from crawlset.exports.manifest import MANIFEST, NOT_EXPORTED
from crawlset.exports.summary import Summary
from crawlset.models import CrawlJob, ValidationJob

CONFIG, CLASSES, CHECKSUMS = "config.json", "classes.txt", "SHA256SUMS"

Entry = dict[str, Any]


def entries(export_id: UUID, export_format: ExportFormat) -> Iterator[Entry]:
    """Every line of the manifest: of the images shard by shard, then of all other candidates."""
    planned = export_format.plan
    for shard in planned.shards:
        members = list(plan.members_of(export_id, planned, shard))
        split, name = export_format.split_name(shard.split), export_format.data_name(shard)
        results = (
            plan.results_of(export_id, planned, shard)
            if export_format.has_data_files
            else (_listed(member.entry, name) for member in members)
        )
        for member, result in zip(members, results, strict=True):
            label = member.label
            place = {"split": split, "class": planned.classes[label], "label": label}
            yield member.entry | NOT_EXPORTED | place | result
    for entry in plan.others_of(export_id, planned):
        yield entry | NOT_EXPORTED


def write(
    directory: Path,
    lines: Iterator[Entry],
    job: CrawlJob,
    validation_job: ValidationJob | None,
    export_format: ExportFormat,
    data: list[WrittenFile],
    more: Sequence[SideFiles] = (),
) -> tuple[list[WrittenFile], Summary]:
    """
    Write the side files below `directory`, and `more`; gives them and what they add up to.

    They say nothing that differs between two exports of one snapshot. `data` are the files of data.
    """
    own_names, summary = _write_lines(directory, lines, export_format, more)
    classes = "".join(f"{name}\n" for name in export_format.plan.classes)
    (directory / CLASSES).write_text(classes, encoding="utf-8")
    _write_json(directory / CONFIG, _config(job, validation_job, export_format))
    names = [MANIFEST, MARKDOWN, CSV, CLASSES, CONFIG, *own_names]
    written = [WrittenFile.at(directory / name, name) for name in names]
    ended_at = (validation_job or job).finished_at or job.created_at
    described = croissant.document(
        job, export_format, summary, _by_name(data, written), ended_at.isoformat()
    )
    _write_json(directory / CROISSANT, described)
    text = "\n".join(card.lines(job, export_format, summary))
    (directory / README).write_text(text, encoding="utf-8")
    written += [WrittenFile.at(directory / name, name) for name in (CROISSANT, README)]
    sums = (f"{file.sha256}  {file.name}\n" for file in _by_name(data, written))
    (directory / CHECKSUMS).write_text("".join(sums), encoding="ascii")
    written.append(WrittenFile.at(directory / CHECKSUMS, CHECKSUMS))
    return written, summary


def _write_lines(
    directory: Path,
    lines: Iterator[Entry],
    export_format: ExportFormat,
    more: Sequence[SideFiles],
) -> tuple[Sequence[str], Summary]:
    """Write what grows line by line; gives the names of files that not all exports have."""
    summary = Summary(unmet=set(export_format.options.classes))
    own = export_format.open_side_files(directory)
    others = [*more, own] if own is not None else [*more]
    with ExitStack() as stack:
        out = stack.enter_context((directory / MANIFEST).open("w", encoding="ascii"))
        attributions = stack.enter_context(closing(Attributions(directory)))
        for other in others:
            stack.enter_context(closing(other))
        for entry in lines:
            out.write(manifest.line(entry))
            summary.add(entry)
            if entry["data_file"]:
                attributions.add(entry)
                for other in others:
                    other.add(entry)
    return [name for other in others for name in other.names], summary


def _by_name(*files: Sequence[WrittenFile]) -> list[WrittenFile]:
    return sorted(chain(*files), key=attrgetter("name"))


def _listed(entry: Entry, data_name: str) -> Entry:
    """Fields of the manifest for an image in a format that only lists it."""
    return {
        "data_file": data_name,
        "exported_sha256": entry["sha256"],
        "exported_size": entry["file_size"],
        "exported_width": entry["width"],
        "exported_height": entry["height"],
        "exported_format": entry["format"],
    }


def _config(
    job: CrawlJob, validation_job: ValidationJob | None, export_format: ExportFormat
) -> Any:
    return {
        "crawlset_version": __version__,
        "crawl_job": {
            "id": str(job.id),
            "name": job.name,
            "keywords": job.keywords,
            "sources": job.sources,
            "max_images": job.max_images,
            "policy": job.policy,
        },
        "validation_rules": validation_job.validation_rules if validation_job else None,
        "export": {
            "format": export_format.name,
            "export_options": export_format.options.model_dump(mode="json"),
        },
    }


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")

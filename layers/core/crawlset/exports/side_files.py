"""The files beside those of data: written in one pass over the plan and what became of it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import UUID

from crawlset import __version__
from crawlset.exports import card, coco, croissant, manifest, plan
from crawlset.exports.attribution import CSV, MARKDOWN, Attributions
from crawlset.exports.card import README
from crawlset.exports.croissant import CROISSANT
from crawlset.exports.files import WrittenFile
from crawlset.exports.formats import LISTS, Format
from crawlset.exports.listing import Listing
from crawlset.exports.manifest import MANIFEST, NOT_EXPORTED
from crawlset.exports.options import ExportFormat
from crawlset.exports.summary import Summary
from crawlset.models import CrawlJob, ValidationJob

CONFIG, CLASSES, CHECKSUMS = "config.json", "classes.txt", "SHA256SUMS"

Entry = dict[str, Any]


def entries(export_id: UUID, form: Format) -> Iterator[Entry]:
    """Every line of the manifest: of the images shard by shard, then of all other candidates."""
    for shard in form.plan.shards:
        members = list(plan.members_of(export_id, form.plan, shard))
        results = (
            plan.results_of(export_id, form.plan, shard)
            if form.has_files
            else (_listed(member.entry, form) for member in members)
        )
        for member, result in zip(members, results, strict=True):
            name = form.plan.classes[member.label]
            place = {"split": form.split_name(shard.split), "class": name, "label": member.label}
            yield member.entry | NOT_EXPORTED | place | result
    for entry in plan.others_of(export_id, form.plan):
        yield entry | NOT_EXPORTED


def write(
    directory: Path,
    lines: Iterator[Entry],
    job: CrawlJob,
    validation_job: ValidationJob | None,
    form: Format,
    data: list[WrittenFile],
) -> tuple[list[WrittenFile], Summary]:
    """
    Write them below `directory`; gives them and what they add up to.

    They say nothing that differs between two exports of one snapshot. `data` are the files of data.
    """
    summary = Summary(unmet=set(form.options.classes))
    names = [MANIFEST, MARKDOWN, CSV, CLASSES, CONFIG]
    with ExitStack() as stack:
        out = stack.enter_context((directory / MANIFEST).open("w", encoding="ascii"))
        tell: list[Callable[[Mapping[str, Any]], None]] = [
            stack.enter_context(closing(Attributions(directory))).add
        ]
        if form.kind is ExportFormat.coco:
            splits, boxes = form.plan.splits, form.options.boxes
            annotations = coco.CocoAnnotations(directory, splits, form.plan.classes, boxes)
            tell.append(stack.enter_context(closing(annotations)).add)
            names += [coco.file_name(split) for split in splits]
        elif form.kind in LISTS:
            listing = Listing(directory / form.list_name, form.kind)
            tell.append(stack.enter_context(closing(listing)).add)
            names.append(form.list_name)
        for entry in lines:
            out.write(manifest.line(entry))
            summary.add(entry)
            if entry["data_file"]:
                for told in tell:
                    told(entry)
    classes = "".join(f"{name}\n" for name in form.plan.classes)
    (directory / CLASSES).write_text(classes, encoding="utf-8")
    _write_json(directory / CONFIG, _config(job, validation_job, form))
    written = [WrittenFile.at(directory / name, name) for name in names]
    ended_at = (validation_job or job).finished_at or job.created_at
    described = croissant.document(
        job, form, summary, sorted([*data, *written], key=_name), ended_at.isoformat()
    )
    _write_json(directory / CROISSANT, described)
    text = "\n".join(card.lines(job, form, summary))
    (directory / README).write_text(text, encoding="utf-8")
    written += [WrittenFile.at(directory / name, name) for name in (CROISSANT, README)]
    sums = (f"{file.sha256}  {file.name}\n" for file in sorted([*data, *written], key=_name))
    (directory / CHECKSUMS).write_text("".join(sums), encoding="ascii")
    written.append(WrittenFile.at(directory / CHECKSUMS, CHECKSUMS))
    return written, summary


def _name(file: WrittenFile) -> str:
    return file.name


def _listed(entry: Entry, form: Format) -> Entry:
    """What becomes of an image in a format that lists it."""
    return {
        "data_file": form.list_name,
        "exported_sha256": entry["sha256"],
        "exported_size": entry["file_size"],
        "exported_width": entry["width"],
        "exported_height": entry["height"],
        "exported_format": entry["format"],
    }


def _config(job: CrawlJob, validation_job: ValidationJob | None, form: Format) -> Any:
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
            "format": form.kind,
            "export_options": form.options.model_dump(mode="json"),
        },
    }


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")

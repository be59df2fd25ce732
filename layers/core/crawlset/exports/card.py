"""The dataset card: README.md, with the front matter that the Hugging Face Hub reads."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from crawlset.exports.attribution import notice
from crawlset.exports.escaping import plain, whole
from crawlset.exports.formats.base import ExportFormat
from crawlset.exports.summary import Summary
from crawlset.models import CrawlJob

README = "README.md"
MAX_ROWS = 1_000
THOUSANDS = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
ON_THE_HUB = {
    f"cc-{kind}-{version}"
    for kind in ("by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd")
    for version in ("2.0", "2.5", "3.0", "4.0")
} | {"cc0-1.0"}
"""Ids of licences that the Hub knows too; every other is `other` there."""


def lines(job: CrawlJob, export_format: ExportFormat, summary: Summary) -> Iterator[str]:
    yield "---"
    for name, value in front_matter(job, export_format, summary).items():
        yield f"{name}: {json.dumps(value, ensure_ascii=False)}"
    yield "---"
    yield ""
    yield f"# {plain(job.name, 'Images')}"
    yield ""
    yield f"{summary.n_exported} images of {summary.n_candidates} candidates, by Crawlset."
    yield f"{notice(summary.licences)} Licences are as the sources declare them."
    yield ""
    yield "| file | what it is |"
    yield "| --- | --- |"
    yield from (f"| `{name}` | {what} |" for name, what in _contents(export_format))
    yield ""
    if export_format.loaded_by:
        sentence = f"`datasets` loads it by `{export_format.loaded_by}`."
        yield f"{sentence} {export_format.loader_note}".rstrip()
        yield ""
    yield f"- Sources: {', '.join(map(plain, job.sources))}"
    yield f"- Intended use: {plain(str(job.policy['intended_use']))}"
    if summary.left_out:
        counts = ", ".join(f"{n} {reason}" for reason, n in sorted(summary.left_out.items()))
        yield f"- Left out: {counts}; `left_out_detail` in the manifest says why"
    if summary.unmet:
        unmet = ", ".join(plain(keyword, "(none)") for keyword in sorted(summary.unmet))
        yield f"- `classes` names keywords that no candidate has: {unmet}"
    yield from (f"- {whole(warning)}" for warning in export_format.warnings(summary))
    yield ""
    yield from _table("Images", ("split", "class"), summary.classes)
    yield from _table("Licences", ("licence",), _keyed(summary.licences))
    yield from _table("Outcomes of all candidates", ("outcome",), _keyed(summary.outcomes))


def front_matter(job: CrawlJob, export_format: ExportFormat, summary: Summary) -> dict[str, Any]:
    """Front matter of the card, whose values are JSON: YAML but for escaped surrogates."""
    known = {name if name in ON_THE_HUB else "other" for name in summary.licences}
    return {
        "pretty_name": job.name,
        "license": sorted(known) or ["unknown"],
        "task_categories": ["image-classification"],
        "size_categories": [_size(summary.n_exported)],
        "tags": ["crawlset", "croissant"],
        **_configs(export_format, summary),
    }


def _configs(export_format: ExportFormat, summary: Summary) -> dict[str, Any]:
    """Front matter by which the Hub's viewer and `load_dataset` find the splits."""
    files = export_format.hub_files(summary)
    if not files:
        return {}
    config = {"config_name": "default", "data_files": files, **export_format.hub_options}
    return {"configs": [config]}


def _contents(export_format: ExportFormat) -> Iterator[tuple[str, str]]:
    yield from export_format.contents
    yield "classes.txt", "the classes; a label is a line's number, from 0"
    yield "manifest.jsonl", "a line for every candidate: outcome, source, licence, evidence"
    yield "croissant.json", "metadata (Croissant 1.1)"
    yield "ATTRIBUTION.md, ATTRIBUTION.csv", "authors and licences"
    yield "config.json", "how it was crawled, validated and exported"
    yield "SHA256SUMS", export_format.checksums_are


def _size(n: int) -> str:
    return next((name for bound, name in THOUSANDS if n < bound), "n>10M")


def _keyed(counts: Mapping[str, int]) -> Counter[tuple[str, ...]]:
    return Counter({(key,): n for key, n in counts.items()})


def _table(title: str, columns: tuple[str, ...], counts: Counter[Any]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(columns)} | n |"
    yield "|" + " --- |" * len(columns) + " ---: |"
    for key in sorted(counts)[:MAX_ROWS]:
        yield f"| {' | '.join(map(plain, key))} | {counts[key]} |"
    if len(counts) > MAX_ROWS:
        yield f"| … {len(counts) - MAX_ROWS} more |" + " |" * len(columns)
    yield ""

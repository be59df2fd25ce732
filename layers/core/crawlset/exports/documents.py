"""What a person reads about an export: the dataset card and the attributions, in Markdown."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from crawlset.exports.manifest import Summary
from crawlset.models import CrawlJob, ExportJob

README = "README.md"
ATTRIBUTION = "ATTRIBUTION.md"
MAX_TEXT = 500
MAX_ROWS = 1_000
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&])")
_LINK = re.compile(r"https?://[!-;=?-\[\]-~]+")
"""Printable ASCII but for `<`, `>` and the backslash."""

ATTRIBUTION_HEAD = """# Attribution

Each image, with its title, author, source and licence, as the source named them.

"""


def plain(text: str | None, otherwise: str = "unknown") -> str:
    """One line of Markdown that shows `text` and means nothing: no markup, link or control."""
    if not text:
        return otherwise
    line = text if text.isprintable() else _unprintable_as_spaces(text)
    return _MARKUP.sub(r"\\\1", " ".join(line.split())[:MAX_TEXT]) or otherwise


def link(url: str) -> str:
    """A link to `url`, or its text if it could be anything else."""
    return f"<{url}>" if _LINK.fullmatch(url) else plain(url)


def attribution_line(entry: dict[str, Any]) -> str:
    """Title, author, source, licence of a manifest's entry."""
    source = entry["landing_url"] or entry["url"]
    parts = [
        f'"{plain(entry["title"], "untitled")}" by {plain(entry["creator"])}',
        f"source {link(source)}",
        f"licence {plain(entry['licence'])}",
    ]
    if entry["attribution"]:
        parts.append(plain(entry["attribution"]))
    return f"- {plain(entry['file_name'])}: {', '.join(parts)}\n"


def card(job: CrawlJob, export_job: ExportJob, summary: Summary) -> Iterator[str]:
    """The lines of README.md."""
    yield "---"
    yield "license: other"
    yield "task_categories:"
    yield "- image-classification"
    yield "---"
    yield ""
    yield f"# {plain(job.name, 'Images')}"
    yield ""
    yield f"{summary.n_exported} images of {summary.n_candidates} candidates, by Crawlset."
    yield ""
    yield "Unpack every `data-*.zip` into one folder: `{split}/{class}/{image}`. `manifest.jsonl`"
    yield "has a line for every candidate with its outcome, source and licence; `ATTRIBUTION.md`"
    yield "names the authors. Licences are as the sources declare them."
    yield ""
    yield f"- Sources: {', '.join(map(plain, job.sources))}"
    yield f"- Intended use: {plain(str(job.policy['intended_use']))}"
    yield f"- Export: {export_job.id}, of crawl job {job.id}"
    if export_job.validation_job_id:
        yield f"- Validated by: {export_job.validation_job_id}"
    yield ""
    yield from _table("Images", ("split", "class"), summary.classes)
    yield from _table("Licences", ("licence",), _keyed(summary.licences))
    yield from _table("Outcomes of all candidates", ("outcome",), _keyed(summary.outcomes))


def _unprintable_as_spaces(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _keyed(counts: Counter[str]) -> Counter[tuple[str, ...]]:
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

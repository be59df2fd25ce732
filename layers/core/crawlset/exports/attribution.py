"""ATTRIBUTION.md and .csv: who made the images of an export, and on what terms."""

import csv
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from crawlset import licences
from crawlset.exports.escaping import link, plain, shorten, spreadsheet

MARKDOWN, CSV = "ATTRIBUTION.md", "ATTRIBUTION.csv"
UNKNOWN = "unknown"
MAX_TITLE = 200
"""Characters of a title; some sources give a whole article."""
FILE_SAYS = {
    "embedded_creator": "creator",
    "embedded_copyright_notice": "copyright notice",
    "embedded_credit_line": "credit line",
    "embedded_web_statement": "web statement",
}
"""What the file itself says of its rights, beside what the source says: they may differ."""
COLUMNS = (
    "file_name", "title", "creator", "source_url", "url", "licence", "licence_url", "changes",
    "attribution", *FILE_SAYS,
)  # fmt: skip
MILD_TO_STRICT = (
    "cc0", "pdm", "cc-pddc", "us-gov", "public-domain", "no-known-copyright", "cc-by", "cc-by-sa",
    "cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd", "all-rights-reserved", UNKNOWN,
)  # fmt: skip
"""Families of licences; what an image of unknown licence permits, nobody knows."""

_HEAD = """# Attribution

{notice}

Each image with its title, author, source and licence, as the source named them; then what the file
itself says, where it says something.
"""


class Attributions:
    """Both files, written image by image; Markdown goes by licence, a file of its own for each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open = ExitStack()
        self._parts: dict[str, IO[str]] = {}
        self.licences: Counter[str] = Counter()
        """Images by licence."""
        table = (directory / CSV).open("w", encoding="utf-8", newline="")
        self._table = csv.writer(self._open.enter_context(table), quoting=csv.QUOTE_ALL)
        self._table.writerow(COLUMNS)

    def add(self, entry: Mapping[str, Any]) -> None:
        licence = entry["licence"] or UNKNOWN
        self.licences[licence] += 1
        if licence not in self._parts:
            path = self._directory / f"attribution-{len(self._parts)}"
            self._parts[licence] = self._open.enter_context(path.open("w+", encoding="utf-8"))
        self._parts[licence].write(_line(entry))
        self._table.writerow([spreadsheet(cell) for cell in _cells(entry)])

    def close(self) -> None:
        with (self._directory / MARKDOWN).open("w", encoding="utf-8") as out:
            out.write(_HEAD.format(notice=notice(self.licences)))
            for licence in sorted(self._parts, key=strictness):
                where = licences.address(licence)
                terms = f", {link(where)}" if where else ""
                n = self.licences[licence]
                out.write(f"\n## {plain(_name(licence))}{terms}\n\n{n:,} images\n\n")
                part = self._parts[licence]
                part.seek(0)
                out.writelines(part)
        self._open.close()


def notice(counts: Mapping[str, int]) -> str:
    """One sentence on the strictest licence among the images."""
    if not counts:
        return "NOTICE: there are no images."
    strictest = max(counts, key=strictness)
    return f"NOTICE: strictest licence = {plain(_name(strictest))}."


def strictness(licence: str) -> tuple[int, str]:
    kind = licences.family(licence)
    known = MILD_TO_STRICT.index(kind) if kind in MILD_TO_STRICT else len(MILD_TO_STRICT) - 2
    return known, licence


def changes(entry: Mapping[str, Any]) -> str | None:
    """Changes made to the picture, which CC licences ask to be told."""
    told = []
    if entry["transform"]:
        told.append(f"{_stored(entry)} when it was fetched")
    if entry["exported_sha256"] != entry["sha256"]:
        size = f"{entry['exported_width']}x{entry['exported_height']}"
        told.append(f"exported as {entry['exported_format']}, {size}")
    return "; ".join(told) or None


def _stored(entry: Mapping[str, Any]) -> str:
    transform = entry["transform"]
    original = transform.get("original", {})
    if {original.get("width"), original.get("height")} == {entry["width"], entry["height"]}:
        return f"stored as {entry['format']}"
    return f"resized ({transform['mode']}, {transform['size']} pixels)"


def _name(licence: str) -> str:
    return "Unknown" if licence == UNKNOWN else licences.name(licence)


def _line(entry: Mapping[str, Any]) -> str:
    source = entry["landing_url"] or entry["url"]
    title = f'"{plain(_title(entry))}"' if entry["title"] else "untitled"
    parts = [
        f"{title} by {plain(entry['creator'])}"
        if entry["creator"]
        else f"{title}, creator unknown",
        f"source {link(source)}",
        f"licence {plain(entry['licence'])}",
    ]
    if changed := changes(entry):
        parts.append(f"changed: {plain(changed)}")
    if entry["attribution"]:
        parts.append(plain(entry["attribution"]))
    said = zip(FILE_SAYS.values(), _said_by_file(entry), strict=True)
    parts += [f"{what} in the file: {plain(text)}" for what, text in said if text]
    return f"- {plain(entry['file_name'])}: {', '.join(parts)}\n"


def _cells(entry: Mapping[str, Any]) -> list[str | None]:
    licence = entry["licence"]
    return [
        entry["file_name"],
        _title(entry),
        entry["creator"],
        entry["landing_url"],
        entry["url"],
        licence,
        licences.address(licence) if licence else None,
        changes(entry),
        entry["attribution"],
        *_said_by_file(entry),
    ]


def _title(entry: Mapping[str, Any]) -> str:
    return shorten(entry["title"] or "", MAX_TITLE)


def _said_by_file(entry: Mapping[str, Any]) -> list[str | None]:
    embedded = entry.get("embedded") or {}
    return [embedded.get(name.removeprefix("embedded_")) for name in FILE_SAYS]

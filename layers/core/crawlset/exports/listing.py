"""Lists of the images of an export, without their pictures: CSV, JSON, JSON lines."""

import csv
import json
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import IO, Any

from crawlset import licences
from crawlset.exports.options import ExportFormat
from crawlset.exports.texts import spreadsheet

COLUMNS = (
    "image_id", "url", "caption", "split", "class", "label", "keyword", "source", "landing_url",
    "licence", "licence_url", "creator", "title", "attribution", "width", "height", "format",
    "file_size", "sha256",
)  # fmt: skip
"""`url`, `caption` and `sha256` as img2dataset takes them: the list can be fetched again."""


class Listing:
    """One file, written row by row."""

    def __init__(self, path: Path, kind: ExportFormat) -> None:
        self._out = path.open("w", encoding="utf-8", newline="")
        self._write, self._tail = _OPENERS[kind](self._out)

    def add(self, entry: Mapping[str, Any]) -> None:
        row = {name: entry.get(name) for name in COLUMNS}
        row["caption"] = entry["title"] or entry["keyword"] or ""
        row["licence_url"] = licences.address(entry["licence"] or "")
        self._write(row)

    def close(self) -> None:
        self._out.write(self._tail)
        self._out.close()


Opened = tuple[Callable[[Mapping[str, Any]], object], str]
"""What writes a row, and what ends the file."""


def _csv(out: IO[str]) -> Opened:
    table = csv.writer(out, quoting=csv.QUOTE_ALL)
    table.writerow(COLUMNS)

    def write(row: Mapping[str, Any]) -> None:
        cells = (row[name] for name in COLUMNS)
        table.writerow([spreadsheet(c) if isinstance(c, str) else c for c in cells])

    return write, ""


def _jsonl(out: IO[str]) -> Opened:
    return lambda row: out.write(json.dumps(row, separators=(",", ":")) + "\n"), ""


def _json(out: IO[str]) -> Opened:
    out.write("[")
    before = chain(["\n"], repeat(",\n"))

    def write(row: Mapping[str, Any]) -> None:
        out.write(next(before) + json.dumps(row, separators=(",", ":")))

    return write, "\n]\n"


_OPENERS: dict[ExportFormat, Callable[[IO[str]], Opened]] = {
    ExportFormat.csv: _csv,
    ExportFormat.json: _json,
    ExportFormat.jsonl: _jsonl,
}

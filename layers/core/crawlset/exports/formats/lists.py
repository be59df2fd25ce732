"""Lists of the images of an export, without their pictures: CSV, JSON, JSON lines."""

import csv
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import IO, Any, Never

from crawlset import licences
from crawlset.exports.croissant_terms import ImageDescription, column, record_set
from crawlset.exports.escaping import spreadsheet, without_nul
from crawlset.exports.formats.base import Contents, ExportFormat, columns_of
from crawlset.exports.missing import named
from crawlset.exports.options import CsvFormulas
from crawlset.exports.summary import Summary

COLUMNS = (
    "image_id", "url", "caption", "split", "class", "label", "keyword", "source", "landing_url",
    "licence", "licence_url", "creator", "title", "attribution", "width", "height", "format",
    "file_size", "sha256", "columns",
)  # fmt: skip
"""`url`, `caption` and `sha256` as img2dataset takes them: the list can be fetched again."""


PANDAS_NA = frozenset(
    ("#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "NA", "NULL", "NaN",
     "None", "nan", "null")
)  # fmt: skip
"""Texts that pandas reads as missing, of those that a class can be called."""

_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?)", re.IGNORECASE | re.ASCII)
_BOOLEAN = re.compile(r"true|false", re.IGNORECASE)
TYPES = {"numbers": _NUMBER, "booleans": _BOOLEAN}
"""What pandas makes of a column whose every text, of those that are not missing, looks like it."""

RowWriter = Callable[[Mapping[str, Any]], object]


class ListFormat(ExportFormat):
    """One file with a row for every image, and no pictures."""

    has_data_files = False
    loader_note = "All rows are in one split then: the column `split` says which each belongs to."

    @property
    def contents(self) -> Contents:
        return ((self.data_names, "a row for every image; no pictures"),)

    @abstractmethod
    def begin(self, out: IO[str]) -> tuple[RowWriter, str]:
        """Begin the list; gives the function that writes a row, and the text that ends the file."""

    def open_writer(self, path: Path) -> Never:
        raise NotImplementedError(path)

    def read(self, path: Path) -> Never:
        raise NotImplementedError(path)

    def open_side_files(self, directory: Path) -> "Listing":
        return Listing(directory, self)

    def hub_files(self, summary: Summary) -> str:
        del summary
        return self.data_names

    def describe_images(self, data: Sequence[str]) -> ImageDescription:
        del data
        columns = ("url", "class", "split", "licence", "sha256")
        fields = [column(f"images/{name}", self.data_names, name) for name in columns]
        return ImageDescription(record_sets=[record_set("images", fields)])


class Csv(ListFormat):
    name = "csv"
    data_names = "images.csv"
    loaded_by = "load_dataset('csv', data_files='images.csv')"

    @property
    def hub_options(self) -> Mapping[str, Any]:
        return {"keep_default_na": False}

    def warnings(self, summary: Summary) -> Iterator[str]:
        yield from super().warnings(summary)
        classes = self.plan.classes
        absent = [name for name in classes if name in PANDAS_NA]
        present = [name for name in classes if name not in PANDAS_NA]
        for kind, looks in TYPES.items():
            if present and all(looks.fullmatch(self._cell(name)) for name in present):
                yield f"Readers of CSV make {kind} of these classes unless told: {named(present)}."
        if absent:
            yield f"pandas reads a class as missing, unless keep_default_na=False: {named(absent)}."

    def begin(self, out: IO[str]) -> tuple[RowWriter, str]:
        table = csv.writer(out, quoting=csv.QUOTE_ALL)
        table.writerow(COLUMNS)

        def write(row: Mapping[str, Any]) -> None:
            cells = (row[name] for name in COLUMNS)
            table.writerow([self._cell(cell) if isinstance(cell, str) else cell for cell in cells])

        return write, ""

    def _cell(self, text: str) -> str:
        is_escaped = self.options.csv_formulas is CsvFormulas.escape
        return spreadsheet(text) if is_escaped else without_nul(text)


class Json(ListFormat):
    name = "json"
    data_names = "images.json"
    loaded_by = "load_dataset('json', data_files='images.json')"

    def begin(self, out: IO[str]) -> tuple[RowWriter, str]:
        out.write("[")
        before = chain(["\n"], repeat(",\n"))
        return lambda row: out.write(next(before) + _json(row)), "\n]\n"


class JsonLines(ListFormat):
    name = "jsonl"
    data_names = "images.jsonl"
    loaded_by = "load_dataset('json', data_files='images.jsonl')"

    def begin(self, out: IO[str]) -> tuple[RowWriter, str]:
        return lambda row: out.write(_json(row) + "\n"), ""


class Listing:
    """One list, written row by row."""

    def __init__(self, directory: Path, list_format: ListFormat) -> None:
        self.names = [list_format.data_names]
        self._out = (directory / list_format.data_names).open("w", encoding="utf-8", newline="")
        self._write, self._tail = list_format.begin(self._out)

    def add(self, entry: Mapping[str, Any]) -> None:
        row = {name: entry.get(name) for name in COLUMNS}
        row["caption"] = entry["title"] or entry["keyword"] or ""
        row["columns"] = columns_of(entry)
        row["licence_url"] = licences.address(entry["licence"] or "")
        self._write(row)

    def close(self) -> None:
        self._out.write(self._tail)
        self._out.close()


def _json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":"))

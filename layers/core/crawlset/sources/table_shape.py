"""The shape of a list of lines: what stands between its cells, and which of them is the URL."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crawlset.sources.known_tables import is_known
from crawlset.sources.manifest_columns import (
    COLUMNS,
    MAX_COLUMNS,
    MalformedManifestError,
    wanted_name,
    wanted_names,
)
from crawlset.sources.manifest_rows import has_url
from crawlset.wire.searches import ListReading

DELIMITERS = "\t,;|"
"""Excel writes semicolons where numbers have decimal commas, and tabs into Unicode text."""
NO_DELIMITER = "\x1f"
"""What no line has: a table of one column has nothing between its cells."""
MIN_SHARE = 0.8
"""Share of the rows looked at in which the column of URLs has one."""
SCHEME_CHARS = 20
"""A URL has its scheme in these, blanks before it included."""
SURE_ROWS = 20
"""Among so many rows no two of which say the same, a column is none of classes."""
_BLANK = re.compile(r"\s")
_OF_URLS = re.compile(r"[/=&?]|\.[A-Za-z0-9]{2,4}$")
"""Signs in what may be the rest of a URL that has the delimiter in it."""
_OF_PARAMETERS = re.compile("=")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?[a-z]*")
_PICTURE = re.compile(r"\.(jpe?g|png|gif|webp|bmp|tiff?|avif|heic)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shape:
    delimiter: str
    names: tuple[str, ...]
    """The columns; those without a name in the list are named by number."""
    n_header_lines: int
    is_quoted: bool
    """Whether quotes hold cells together; otherwise they are signs like others."""

    def split(self, line: str) -> list[str]:
        """The cells of a line whose quotes mean themselves, but for those around a whole cell."""
        text = line.strip("\r\n")
        if self.delimiter == " ":
            return text.split(None, 1)
        return [_unquoted(cell) for cell in text.split(self.delimiter)]


def shape_of(lines: Sequence[str], reading: ListReading, *, is_table: bool) -> Shape | None:
    """
    The shape of a list that begins with `lines`; None for one of URLs alone.

    A header is known by the name of a column of URLs, or by having no URL where all rows below it
    have one. Without a header the columns are named by what is in them. CC3M is `caption TAB url`
    and CC12M `url TAB caption`, both without a header and with quotes that belong to captions
    (https://github.com/rom1504/img2dataset/blob/main/dataset_examples/cc12m.md).

    Raises `MalformedManifestError` where `is_table` and the first line is no row of one.
    """
    if not lines:
        return None
    header = lines[0]
    delimiter = None if has_url(header.strip()) else delimiter_of(header, reading)
    if delimiter is not None:
        columns = tuple(_cells([header], delimiter)[0])
        # Neither GBIF nor iNaturalist puts cells in quotes, and both have quotes in names.
        is_quoted = delimiter != "\t" or not is_known(columns)
        return Shape(delimiter, columns, 1, is_quoted)
    for delimiter in (*DELIMITERS, " "):
        shape = _shape_by_content(lines, delimiter, reading, is_table=is_table)
        if shape is not None:
            return shape
    if is_table and not any(map(_is_url_alone, lines)):
        _check_quotes(header)
        names = _cells([header], ",")[0]
        return Shape(",", tuple(names), 1, is_quoted=True)
    return None


def header_place(lines: Sequence[str], reading: ListReading) -> int | None:
    """Which of the lines names the columns: none but odd ones may stand before it."""
    for place, line in enumerate(lines):
        if has_url(line.strip()):
            return None
        if not line.lstrip().startswith(("{", "[")) and delimiter_of(line, reading) is not None:
            return place
    return None


def delimiter_of(header: str, reading: ListReading) -> str | None:
    """The sign between the names of columns, one of URLs among them; None if there is none."""
    for delimiter in (*DELIMITERS, NO_DELIMITER):
        names = _cells([header], delimiter)[0]
        if _names_url(names, reading):
            return delimiter if len(names) > 1 else NO_DELIMITER
    return None


def _names_url(names: Sequence[str], reading: ListReading) -> bool:
    lowered = {name.strip().lower() for name in names}
    wanted = wanted_name("url", reading)
    known = COLUMNS["url"] if wanted is None else (wanted.strip().lower(),)
    return not lowered.isdisjoint(known) or is_known(names)


def _check_quotes(header: str) -> None:
    try:
        next(csv.reader([header], strict=True), [])
    except csv.Error as error:
        raise MalformedManifestError(f"Line 1 is not CSV: {error}.") from error


def _cells(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [line.split(None, 1) for line in lines]
    try:
        cells = [cells for cells in csv.reader(lines, delimiter=delimiter) if cells]
    except csv.Error:
        cells = []
    return cells or [[""]]


def _shape_by_content(
    lines: Sequence[str], delimiter: str, reading: ListReading, *, is_table: bool
) -> Shape | None:
    is_tab = delimiter == "\t"
    table = (
        [[_unquoted(cell) for cell in line.strip("\r\n").split("\t")] for line in lines]
        if is_tab
        else _cells(lines, delimiter)
    )
    if is_tab:  # no URL has one
        table = [cells for cells in table if len(cells) > 1] or [[""]]
    width = Counter(map(len, table)).most_common(1)[0][0]
    rows = [cells for cells in table if len(cells) == width]
    if not 1 < width <= MAX_COLUMNS:
        return None
    if not is_tab and len(rows) == 1 and not is_table:
        return None
    has_header = len(rows) > 1 and len(table[0]) == width and not any(map(_is_url, table[0]))
    body = rows[1:] if has_header else rows
    place = _url_place(body)
    is_sure = is_tab or wanted_name("url", reading) is not None
    if place is None or (not is_sure and _may_be_one_url(body, place, delimiter)):
        return None
    odd = [] if is_tab else [cells for cells in table if len(cells) != width]
    if not all(place < len(cells) and _PICTURE.search(cells[place].strip()) for cells in odd):
        return None
    if has_header and delimiter != " ":
        header = [*table[0]]
        if wanted_name("url", reading) is None:
            header[place] = "url"
        return Shape(delimiter, tuple(header), 1, is_quoted=True)
    names = _names_by_content(rows, place, reading)
    return Shape(delimiter, names, 0, is_quoted=delimiter not in "\t ")


def _url_place(rows: Sequence[Sequence[str]]) -> int | None:
    """The column of URLs; of several the one that names more pictures."""
    least = MIN_SHARE * len(rows)
    found = []
    for place in range(len(rows[0])):
        cells = [row[place].strip() for row in rows]
        if sum(map(_is_url, cells)) >= least:
            found.append((-sum(bool(_PICTURE.search(cell)) for cell in cells), place))
    return min(found)[1] if found else None


def _may_be_one_url(rows: Sequence[Sequence[str]], place: int, delimiter: str) -> bool:
    """
    Whether what stands behind a URL may be the rest of it, as in `w_100,h_100,c_fill/1.jpg`.

    Behind a URL that ends as a picture's file does, only a parameter may be, as in `1.jpg;v=1`. A
    number may be where no URL ends so, as in `1.jpg?resize=300,200`
    (https://developer.wordpress.com/docs/photon/api).
    """
    open_ended = [row for row in rows if not _PICTURE.search(row[place].strip())]
    if any(_may_go_on(row[place + 1 :], _OF_URLS) for row in open_ended):
        return True
    if any(_may_go_on(row[place + 1 :], _OF_PARAMETERS) for row in rows):
        return True
    behind = [row[place + 1].strip() for row in open_ended if place + 1 < len(row)]
    if len(behind) == len(rows) and all(map(_NUMBER.fullmatch, behind)):
        return True
    return delimiter == " " and place == 0 and bool(open_ended)


def _is_url_alone(line: str) -> bool:
    return has_url(line.strip()) and not any(sign in line for sign in DELIMITERS)


def _may_go_on(cells: Sequence[str], signs: re.Pattern[str]) -> bool:
    """Whether cells behind a URL, those before a blank or another URL, have signs of one."""
    for cell in cells:
        text = cell.strip()
        if _BLANK.search(text) or _is_url(text):
            return False
        if signs.search(text) and not _NUMBER.fullmatch(text):
            return True
    return False


def _is_url(cell: str) -> bool:
    return "://" in cell[:SCHEME_CHARS] and has_url(cell.strip())


def _names_by_content(
    rows: Sequence[Sequence[str]], place: int, reading: ListReading
) -> tuple[str, ...]:
    """
    Names of columns that have none.

    One of texts with blanks is the caption; one of words behind the URL is the class, unless each
    of many rows has another.
    """
    names = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
    if wanted_name("url", reading) is None:
        names[place] = "url"
    for other in range(len(names)):
        cells = [row[other].strip() for row in rows if row[other].strip()]
        if other == place or not cells or any(map(_is_url, cells)):
            continue
        n_sentences = sum(" " in cell for cell in cells)
        is_of_words = not n_sentences and other > place
        n_same = len(cells) - len(set(cells))
        if n_sentences * 2 > len(cells) and "caption" not in names:
            names[other] = "caption"
        elif is_of_words and (n_same or len(cells) < SURE_ROWS) and "label" not in names:
            names[other] = "label"
    for wanted in wanted_names(reading):
        number = wanted.removeprefix("column_")
        if number.isdecimal() and 0 < int(number) <= len(names):
            names[int(number) - 1] = wanted
    return tuple(names)


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"')
    return cell

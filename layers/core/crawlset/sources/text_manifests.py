"""Manifests of text, in whatever shape and encoding it has: the way from bytes to rows."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, TextIO, cast

from crawlset.settings import MAX_CANDIDATES, MAX_MANIFEST_BYTES
from crawlset.sources import json_manifests, table_manifests, table_shape
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.manifest_rows import Row, has_url
from crawlset.sources.reading_place import PlaceKeeper
from crawlset.sources.row_lines import MAX_ROW_CHARS
from crawlset.sources.text_lines import Lines, PlacedLine
from crawlset.wire.searches import AS_FOUND, ListReading, ManifestFormat

MAX_LINES = 2 * MAX_CANDIDATES
"""Lines read, blank ones and comments included."""
UNPACKING_ERRORS = (EOFError, OSError, zlib.error)
_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = ("\n", "\r")
FIRST_LINES = 20
FIRST_CHARS = 1 << 20
"""Lines by which a list is told, and their characters."""
COUNTED_ENCODING = "utf-8"
"""The encoding whose lines are read from a later place on."""
_HALVES = "crawlset.halves"
"""Name of what `_half` does in decoding."""


def rows(
    stream: BinaryIO,
    manifest_format: ManifestFormat,
    reading: ListReading = AS_FOUND,
    keeper: PlaceKeeper | None = None,
    max_chars: int = MAX_MANIFEST_BYTES,
) -> Iterator[Row]:
    """
    Every row that is not blank. What cannot be read as one is an odd row, which says why.

    With a `keeper` the `stream` can be sought in; lines of UTF-8 are read from its place on.

    What a text is it says itself: a file may have another name than its contents have a format.
    Raises `MalformedManifestError` for gzip that is broken, for a table without the columns it
    needs, for JSON that is one value and broken, and once lines or their sum are more than those
    of a manifest may be: a gzipped stream never fills the memory.
    """
    text = _opened(stream, reading.encoding)
    pieces = _pieces(text, max_chars)
    beginning = _beginning(pieces)
    pieces = chain(beginning, pieces)
    first = list(filter(_is_said, beginning))
    if json_manifests.is_document(first, reading):
        return json_manifests.document_rows(pieces, reading)
    is_stated = manifest_format in {ManifestFormat.jsonl, ManifestFormat.json}
    told = format_of(first, reading)
    if told is ManifestFormat.jsonl or (is_stated and told is not ManifestFormat.csv):
        return json_manifests.line_rows(_followed(pieces, text, stream, keeper), reading)
    return table_manifests.rows(
        _followed(pieces, text, stream, keeper),
        reading,
        is_table=manifest_format is ManifestFormat.csv,
    )


def lines(stream: BinaryIO, encoding: str | None = None) -> Iterator[str]:
    """
    Every line with its end, which is LF, CRLF or CR; a line that is too long is cut.

    Bytes that are no text are kept as halves of surrogate pairs.
    """
    return (line for line, _ in _placed_lines(_pieces(_opened(stream, encoding))))


def format_of(first: Sequence[str], reading: ListReading) -> ManifestFormat:
    """The format of most of the first lines: odd ones at the beginning cost themselves only."""
    if json_manifests.is_document(first, reading):
        return ManifestFormat.json
    first = [line for line in first if not line.startswith("#")]
    if table_shape.header_place(first, reading) is not None:
        return ManifestFormat.csv
    n_json = sum(map(_is_json, first))
    n_urls = sum(has_url(line.strip()) for line in first)
    return ManifestFormat.jsonl if 0 < n_json >= n_urls else ManifestFormat.txt


def beginning_of(stream: BinaryIO, encoding: str | None) -> list[str]:
    """The lines by which a list is told."""
    return list(filter(_is_said, _beginning(_pieces(_opened(stream, encoding)))))


def _is_json(line: str) -> bool:
    """Whether `line` is, or begins as, what stands in a line of JSON lines."""
    text = line.lstrip("\ufeff \t")
    if not text.startswith('"'):
        return text.startswith("{")
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _beginning(pieces: Iterator[str]) -> list[str]:
    """What comes before the end of the last line by which a list is told."""
    beginning: list[str] = []
    n_said = n_chars = 0
    for piece in pieces:
        beginning.append(piece)
        n_said += _is_said(piece)
        n_chars += len(piece)
        if n_said == FIRST_LINES or n_chars > FIRST_CHARS or len(beginning) > MAX_LINES:
            break
    return beginning


def _is_said(piece: str) -> bool:
    return bool(piece.strip("\ufeff \t\r\n"))


def _followed(
    pieces: Iterator[str], text: io.TextIOWrapper, stream: BinaryIO, keeper: PlaceKeeper | None
) -> Lines:
    """Lines whose places `keeper` learns, where bytes can be told from characters."""
    if keeper is None or text.encoding != COUNTED_ENCODING:
        return Lines((line, None) for line, _ in _placed_lines(pieces))
    is_later = keeper.start.offset > 0

    def lines_from(offset: int) -> Iterator[PlacedLine]:
        cast(io.BufferedReader, text.detach()).detach()  # lest it closes the stream
        stream.seek(offset)
        return _placed_lines(_pieces(_decoded(_buffered(stream), COUNTED_ENCODING)), offset)

    lines = Lines(_placed_lines(pieces), keeper.start if is_later else None, lines_from)
    keeper.follow(lines.place)
    return lines


def _placed_lines(pieces: Iterator[str], offset: int = 0) -> Iterator[PlacedLine]:
    is_rest = False
    number = 0
    for piece in pieces:
        offset += len(piece if piece.isascii() else piece.encode(errors="surrogateescape"))
        is_cut = len(piece) > MAX_ROW_CHARS and not piece.endswith(_LINE_ENDS)
        if not is_rest:
            number += 1
            if number > MAX_LINES:
                raise MalformedManifestError(f"The list has more than {MAX_LINES:,} lines.")
            yield piece.lstrip(_BYTE_ORDER_MARK), None if is_cut else offset
        is_rest = is_cut


def _pieces(text: TextIO, max_chars: int = MAX_MANIFEST_BYTES) -> Iterator[str]:
    """Lines, those that are too long in several pieces."""
    number = n_chars = 0
    while piece := _next_piece(text, number + 1):
        number += 1
        n_chars += len(piece)
        if n_chars > max_chars:
            raise MalformedManifestError(f"The list unpacks to more than {max_chars:,} characters.")
        yield piece


def _opened(stream: BinaryIO, encoding: str | None) -> io.TextIOWrapper:
    """
    Decode as is stated, or by the mark at the beginning if there is one, or as UTF-8.

    Windows PowerShell's `>` writes UTF-16 with a mark
    (https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_character_encoding).
    """
    buffered = _buffered(stream)
    if encoding is None:
        try:
            mark = buffered.peek()[: len(codecs.BOM_UTF16)]
        except UNPACKING_ERRORS as error:
            raise _broken(error, 1) from error
        is_marked = mark in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        encoding = "utf-16" if is_marked else "utf-8"
    return _decoded(buffered, encoding)


def _buffered(stream: BinaryIO) -> io.BufferedReader:
    """Another buffer, without which `io.TextIOWrapper` asks the file itself for 8 KiB each time."""
    return io.BufferedReader(cast(io.RawIOBase, stream))


def _decoded(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    errors = _HALVES if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return io.TextIOWrapper(stream, encoding, errors=errors, newline="")


def _half(error: UnicodeError) -> tuple[str, int]:
    """Half a surrogate pair in place of bytes that are no UTF-16, as `surrogateescape` has it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(_HALVES, _half)


def _next_piece(text: TextIO, number: int) -> str:
    try:
        return text.readline(MAX_ROW_CHARS + 1)
    except UNPACKING_ERRORS as error:
        raise _broken(error, number) from error
    except UnicodeError as error:
        raise MalformedManifestError(
            f"Line {number} is not {text.encoding}: {str(error)[:100]}."
        ) from error


def _broken(error: Exception, number: int) -> MalformedManifestError:
    is_gzip = isinstance(error, EOFError | gzip.BadGzipFile | zlib.error)
    name = "gzip" if is_gzip else "zstd"
    return MalformedManifestError(f"The {name} data is broken at line {number}.")

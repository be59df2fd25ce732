"""A list that is left behind any row goes on there, and gives the same rows as one read at once."""

import io
import json
import tracemalloc
from collections.abc import Buffer
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlset.sources import manifests, parquet_manifests, text_manifests
from crawlset.sources.manifest_rows import Row
from crawlset.sources.reading_place import START, PlaceKeeper, ReadingPlace
from crawlset.sources.seen_urls import SeenUrls
from crawlset.wire.searches import AS_FOUND, ManifestFormat
from tests.unit.sources.conftest import Upload

N = 130
"""More than the lines by which the shape of a list is told."""
URLS = [f"https://h{n % 7}.example/{n}.jpg" for n in range(N)]
TEXT = "".join(f"{url}\n" for url in URLS)
TABLE = "# a comment\n\nurl;caption;label\n" + "".join(
    f'{url};"of {n},\nin two lines; é";{n % 3}\n' if n % 5 else f'{url};"never closed;{n}\n'
    for n, url in enumerate(URLS)
)
JSON_LINES = "".join(
    json.dumps({"url": url, "captions": [f"é {n}", f"b {n}", f"c {n}"]}, ensure_ascii=False)
    + "\n\n"
    for n, url in enumerate(URLS)
)
SOUGHT = {
    "text": TEXT.encode(),
    "text with a mark and two kinds of line ends": b"\xef\xbb\xbf"
    + TEXT.replace("\n", "\r\n", 50).encode(),
    "text that is partly none": TEXT.encode().replace(b"h3", b"h\xff"),
    "cells between tabs": "".join(f"{n}\t{url}\tc é\n" for n, url in enumerate(URLS)).encode(),
    "JSON lines": JSON_LINES.encode(),
}
"""Lists that are read from a byte on."""
OTHERS = {
    "table with quotes": TABLE.encode(),
    "JSON": json.dumps([{"url": url} for url in URLS]).encode(),
    "UTF-16": TEXT.encode("utf-16"),
}


def rows_of(
    body: bytes, place: ReadingPlace, n: int | None = None
) -> tuple[list[Row], ReadingPlace]:
    """The next `n` rows behind a place, and the place behind them."""
    keeper = PlaceKeeper(place)
    stream = io.BytesIO(body)
    if body.startswith(b"PAR1"):
        every = parquet_manifests.rows(stream, AS_FOUND, keeper)
    else:
        every = text_manifests.rows(stream, ManifestFormat.txt, AS_FOUND, keeper)
    rows = list(islice(every, place.n_rows, None if n is None else place.n_rows + n))
    return rows, keeper.place(len(rows))


def parquet() -> bytes:
    out = io.BytesIO()
    captions = [[f"caption {n}", f"another {n}"] for n in range(N)]
    pq.write_table(pa.table({"url": URLS, "captions": captions}), out, row_group_size=40)
    return out.getvalue()


@pytest.mark.parametrize("body", [*SOUGHT.values(), *OTHERS.values(), parquet()], ids=[
    *SOUGHT, *OTHERS, "Parquet",
])  # fmt: skip
def test_a_list_goes_on_behind_every_row(body: bytes) -> None:
    whole, _ = rows_of(body, START)

    for n_before in range(1, len(whole), 3):
        first, place = rows_of(body, START, n_before)
        second, later = rows_of(body, place, 2)
        third, _ = rows_of(body, later)
        assert first + second + third == whole


@pytest.mark.parametrize("body", SOUGHT.values(), ids=SOUGHT)
def test_lines_are_not_read_again(body: bytes) -> None:
    _, place = rows_of(body, START, 100)

    assert (place.offset > len(body) // 5, place.n_rows < 3) == (True, True)


class CountedReads(io.BytesIO):
    """A file that counts how often it is asked for bytes."""

    n_reads = 0

    def readinto(self, buffer: Buffer, /) -> int:
        self.n_reads += 1
        return super().readinto(buffer)


def test_a_list_that_goes_on_is_read_in_large_pieces() -> None:
    body = TEXT.encode() * 200
    file = CountedReads(body)
    stream = io.BufferedReader(file, 1 << 16)
    keeper = PlaceKeeper(ReadingPlace(offset=len(TEXT), n_lines=N))

    rows = list(text_manifests.rows(stream, ManifestFormat.txt, AS_FOUND, keeper))

    assert len(rows) == 199 * N
    assert file.n_reads <= len(body) // (1 << 16) + 4


def test_a_row_group_is_not_read_again() -> None:
    _, place = rows_of(parquet(), START, 200)

    assert place == ReadingPlace(n_rows=40, group=2)


def test_pages_of_a_list_say_where_it_goes_on(upload: Upload) -> None:
    urls = [f"https://a.example/images/of/the/series/{n:020d}.jpg" for n in range(12_000)]
    manifest = manifests.open_manifest(upload("\n".join(urls).encode()))

    first = next(manifests.read(manifest))
    others = list(manifests.read(manifest, start=first.place, n_before=first.n_rows))

    assert [c.url for page in [first, *others] for c in page] == urls
    assert [page.n_rows for page in others][-1] == 12_000
    assert others[-1].n_bytes == manifest.file.size


class TestSeenUrls:
    def test_tell_what_the_first_row_said(self) -> None:
        seen = SeenUrls()

        firsts = [seen.said_first(f"https://a.example/{n % 9_000}", n) for n in range(10_000)]

        assert firsts == [None] * 9_000 + list(range(1_000))
        assert len(seen) == 9_000

    def test_take_some_bytes_each(self) -> None:
        seen = SeenUrls()
        tracemalloc.start()

        for n in range(100_000):
            seen.said_first(f"https://a.example/{n}", n)

        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 6_000_000

    def test_are_kept_from_turn_to_turn(self) -> None:
        seen, later = SeenUrls(), SeenUrls()
        for n in range(5_000):
            seen.said_first(f"https://a.example/{n}", n)
        later.add(seen.take_new())
        seen.said_first("https://a.example/last", 1 << 32 | 7)
        later.add(seen.take_new())

        found = [later.said_first(f"https://a.example/{n}", 0) for n in range(5_000)]

        assert found == list(range(5_000))
        assert later.said_first("https://a.example/last", 0) == 7
        assert seen.take_new() == b""

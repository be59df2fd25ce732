"""
What a cell of a list means: the same whether it came as CSV, JSON lines or Parquet.

pandas makes floats of integers once one of them is missing
(https://pandas.pydata.org/docs/user_guide/integer_na.html). It writes what is missing as nothing
into CSV, as null into JSON and Parquet; Python's own JSON writes NaN and Infinity
(https://docs.python.org/3/library/json.html), its CSV what `str` makes of them.
"""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlset.sources import manifests, parquet_manifests
from crawlset.sources.protocol import Candidate
from crawlset.wire.searches import ManifestFormat
from tests.unit.sources.conftest import Upload

A, B = "https://a.example/1.jpg", "https://b.example/" + "\U0001f600" * 70
INFINITE = float("inf")
NAN = float("nan")
CELLS: tuple[tuple[Any, str | None], ...] = (
    ("cat", "cat"),
    ("  cat\t", "cat"),
    (3, "3"),
    (3.0, "3"),
    (-2.0, "-2"),
    (0.0, "0"),
    (0.5, "0.5"),
    (2**70, str(2**70)),
    (True, "True"),
    (False, "False"),
    (None, None),
    ("", None),
    ("  ", None),
    (NAN, None),
    ("NaN", None),
    ("<NA>", None),
    ("NA", "NA"),
    ("null", "null"),
    ("None", "None"),
    ("3.0", "3"),
    ("1.50", "1.50"),
    ("v3.0", "v3.0"),
)
"""A class as it stands in a list, and as it is read. NA is Namibia, and may be a class."""


def read(upload: Upload, body: bytes, format_: str) -> list[Candidate]:
    manifest = manifests.open_manifest(upload(body), ManifestFormat(format_))
    return [candidate for page in manifests.read(manifest) for candidate in page]


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


class TestClass:
    def test_of_csv(self, upload: Upload) -> None:
        out = io.StringIO(newline="")
        csv.writer(out).writerows([["url", "label"], *((A, cell) for cell, _ in CELLS)])

        found = read(upload, out.getvalue().encode(), "csv")

        assert [candidate.keyword for candidate in found] == [keyword for _, keyword in CELLS]

    def test_of_json(self, upload: Upload) -> None:
        cells = [*CELLS, (INFINITE, None), (-INFINITE, None), (["cat"], None), ({"a": 1}, None)]
        lines = [json.dumps({"url": A, "label": cell}) for cell, _ in cells]

        found = read(upload, "\n".join(lines).encode(), "jsonl")

        assert [candidate.keyword for candidate in found] == [keyword for _, keyword in cells]

    @pytest.mark.parametrize(
        ("column", "keywords"),
        [
            (pa.array([cell for cell, _ in CELLS if isinstance(cell, str)]), None),
            (pa.array([3.0, None, NAN, INFINITE, 0.5, -2.0]), ["3", None, None, None, "0.5", "-2"]),
            (pa.array([7, None]), ["7", None]),
            (pa.array([True, None, False]), ["True", None, "False"]),
            (pa.array([7, None]).dictionary_encode(), ["7", None]),
            (pa.array([7.0, None]).dictionary_encode(), ["7", None]),
            (pa.array(["cat", None]).dictionary_encode(), ["cat", None]),
            (pa.array([Decimal("3.00"), Decimal("3.25")]), ["3", "3.25"]),
            (pa.array([7], pa.uint8()), ["7"]),
            (pa.array([2.0], pa.float32()), ["2"]),
            (pa.array([None], pa.null()), [None]),
            (pa.array([["cat"]]), [None]),
            (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
            (pa.array([b"cat"], pa.binary()), ["cat"]),
        ],
        ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
    )
    def test_of_a_type_of_parquet(self, column: pa.Array, keywords: list[str | None]) -> None:
        body = parquet(url=[A] * len(column), label=column)

        found = [row[1] for row in parquet_manifests.rows(io.BytesIO(body))]

        assert found == (keywords or [keyword for cell, keyword in CELLS if isinstance(cell, str)])


class TestTitle:
    def test_is_a_text_as_it_stands(self, upload: Upload) -> None:
        cells = (NAN, 2.0, "2.0")
        lines = [json.dumps({"url": A, "caption": cell}) for cell in cells]

        found = read(upload, "\n".join(lines).encode(), "jsonl")

        assert [candidate.title for candidate in found] == [None, "2", "2.0"]

    def test_may_be_long_and_of_wide_letters_in_every_row(self, upload: Upload) -> None:
        title = "\U0001f600" * 262_144
        line = json.dumps({"url": A, "title": title, "creator": title}, ensure_ascii=False)

        found = read(upload, "\n".join([json.dumps(B * 100), line, line]).encode(), "jsonl")

        assert [candidate.title for candidate in found] == [None, title, title]

    def test_is_that_of_another_column_where_one_says_nothing(self, upload: Upload) -> None:
        body = json.dumps({"url": A, "title": NAN, "caption": " ", "text": "a cat"}).encode()

        [found] = read(upload, body, "jsonl")

        assert found.title == "a cat"


class TestOtherNames:
    """A column may go by several names at once: in each row, the first that says something."""

    @pytest.mark.parametrize(
        ("format_", "body"),
        [
            ("csv", f"originalurl,label,url,keyword\n{A},cat,,\n,cat,{B},dog\n{A}\n".encode()),
            (
                "jsonl",
                b"\n".join(
                    json.dumps(row).encode()
                    for row in (
                        {"originalurl": A, "label": "cat", "url": ""},
                        {"url": B, "label": "cat", "keyword": "dog"},
                        {"originalurl": A, "url": None},
                    )
                ),
            ),
            (
                "parquet",
                parquet(
                    originalurl=[A, None, A],
                    label=["cat", "cat", None],
                    url=["", B, None],
                    keyword=[None, "dog", " "],
                ),
            ),
        ],
        ids=["csv", "jsonl", "parquet"],
    )
    def test_stand_in_for_each_other(self, upload: Upload, format_: str, body: bytes) -> None:
        found = read(upload, body, format_)

        assert [(each.url, each.keyword) for each in found] == [(A, "cat"), (B, "dog"), (A, None)]


class TestParquetText:
    @pytest.mark.parametrize("is_category", [False, True])
    def test_may_be_no_text(self, upload: Upload, is_category: bool) -> None:
        """Spark wrote Latin-1 into such a column: https://github.com/jorgecarleitao/parquet2/issues/108."""
        texts = pa.array([b"caf\xe9", None, b"cat"]).view(pa.string())
        column = texts.dictionary_encode() if is_category else texts
        body = parquet(url=[A] * 3, label=column)

        found = read(upload, body, "parquet")

        assert [candidate.keyword for candidate in found] == ["caf\udce9", None, "cat"]


class TestUrl:
    def test_that_is_none_is_a_row(self, upload: Upload) -> None:
        cells = (None, "", NAN, True, 5)
        lines = [json.dumps(A), *(json.dumps({"url": cell}) for cell in cells)]

        found = read(upload, "\n".join(lines).encode(), "jsonl")

        missing = [f"row {number}: no url" for number in (2, 3, 4)]
        assert [candidate.url for candidate in found] == [A, *missing, "True", "5"]

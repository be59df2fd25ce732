"""Lists whose first lines are odd, and quotes that nothing closes."""

import io
import json

import pytest

from crawlset.sources import manifests, text_manifests
from crawlset.wire.searches import ManifestFormat
from tests.unit.sources.conftest import Upload

A, B, C = (f"https://{name}.example/1.jpg" for name in "abc")
DATA = "data:image/png;base64,AAAA"
OBJECTS = "".join(json.dumps({"url": url}) + "\n" for url in (A, B, C))
STRINGS = "".join(json.dumps(url) + "\n" for url in (A, B, C))
TABLE = f"url,label\n{A},cat\n{B},dog\n{C},cat\n"


def urls(body: str, format_: str) -> list[str | None]:
    stream = io.BytesIO(body.encode())
    return [row[0] for row in text_manifests.rows(stream, ManifestFormat(format_))]


class TestFormat:
    """An odd line at the beginning costs itself only, also where nobody states a format."""

    @pytest.mark.parametrize(
        ("body", "format_", "n_odd"),
        [
            ("broken {\n" + OBJECTS, "jsonl", 1),
            ("[1]\n" + OBJECTS, "jsonl", 1),
            ("null\n[2]\n" + OBJECTS, "jsonl", 2),
            ('["id", "url", "label"]\n' + OBJECTS, "jsonl", 1),
            ('{"names": ["id", "url", "label"]}\n' + OBJECTS, "jsonl", 1),
            ("{ broken, url\n" + TABLE, "csv", 1),
            (json.dumps(DATA) + "\n" + STRINGS, "jsonl", 1),
            (DATA + "\n" + OBJECTS, "jsonl", 1),
            (json.dumps("images/1.jpg") + "\n" + STRINGS, "jsonl", 1),
            (json.dumps({"url": A})[:-4] + "\n" + OBJECTS, "jsonl", 1),
            ("{ broken\n" + f"{A}\n{B}\n{C}\n", "txt", 1),
            (DATA + "\n" + f"{A}\n{B}\n{C}\n", "txt", 1),
            ('"data:,"\n' + f"{A}\n{B}\n{C}\n", "txt", 1),
            ("\n\n" + TABLE, "csv", 0),
            ("# of 2024\n" + TABLE, "csv", 0),
            ("Pictures of cats\n" + TABLE, "csv", 1),
            ("sep=,\n" + TABLE, "csv", 1),
        ],
    )
    def test_is_that_of_most_of_the_first_lines(
        self, upload: Upload, body: str, format_: str, n_odd: int
    ) -> None:
        manifest = manifests.inspect(upload(body.encode()))

        found = [candidate.url for page in manifests.read(manifest) for candidate in page]
        assert (manifest.format, len(found)) == (format_, n_odd + 3)
        assert found[n_odd:] == [A, B, C]

    @pytest.mark.parametrize("n_lines", [1, 5_000])
    def test_is_told_by_few_lines(self, upload: Upload, n_lines: int) -> None:
        body = f"{A}\n" * n_lines + "{}\n" * 5_000

        assert manifests.open_manifest(upload(body.encode())).format == (
            "txt" if n_lines > 1 else "jsonl"
        )


class TestHeaderOfCsv:
    @pytest.mark.parametrize("before", ["\n", " \r\n\n", "# of 2024\n\n", "\ufeff\n"])
    def test_stands_below_blank_lines_and_comments(self, before: str) -> None:
        assert urls(before + TABLE, "csv") == [A, B, C]

    def test_stands_below_odd_lines(self) -> None:
        body = f"Pictures of cats\n\nsep=,\n{TABLE}"

        assert urls(body, "csv") == ["Pictures of cats", "sep=,", A, B, C]

    def test_leaves_lines_numbered_as_an_editor_does(self) -> None:
        body = f'\n\nurl,label\n{A},"a cat\n{B},dog\n'

        first, _ = urls(body, "csv")

        assert (first or "").startswith("line 4 is not CSV")

    @pytest.mark.parametrize(
        "lines",
        [
            (DATA, A, B),
            (f"{A}?size=1,2", B),
            (A, f"{B}?size=1,2"),
            ("images/1.jpg", A),
            ("# mine", "", f"{A};v=1", B),
        ],
    )
    def test_may_be_missing_above_urls_alone(self, lines: tuple[str, ...]) -> None:
        body = "".join(f"{line}\n" for line in lines)

        assert urls(body, "csv") == urls(body, "txt")

    @pytest.mark.parametrize(
        "body", [f"{A},cat\n{B},dog\n", f"cat;{A}\n", f'"{A}"\t"cat"\n', f'\n"{A}",cat\n']
    )
    def test_may_be_missing_where_a_column_is_of_urls(self, body: str) -> None:
        assert urls(body, "csv") == [A, B][: body.count("example")]


class TestQuotes:
    """Inches and the like: https://github.com/pandas-dev/pandas/issues/22140."""

    @pytest.mark.parametrize("other", ["", '""', "plain"])
    def test_that_nothing_closes_cost_their_rows_only(self, other: str) -> None:
        plain = f"{A}?{'x' * 900},{other}\n"
        odd = f'{B},"24 inch screen\n'
        body = "url,title\n" + (plain * 1_600 + odd) * 7 + plain

        found = urls(body, "csv")

        assert len(found) == 7 * 1_601 + 1
        assert sum((url or "").startswith("line ") for url in found) == 7

    def test_in_every_line_cost_no_more_than_the_lines(self) -> None:
        body = "url,title\n" + 'a","c\n' * 200_000 + f"{A},x\n"

        *odd, last = urls(body, "csv")

        assert (len(odd), last) == (200_000, A)

    def test_are_closed_behind_those_that_are_not(self) -> None:
        body = f'url,title\n{A},"24 inch\n{B},"over\ntwo lines"\n{C},x\n'

        odd, *others = urls(body, "csv")

        assert ((odd or "").startswith("line 2 is not CSV"), others) == (True, [B, C])

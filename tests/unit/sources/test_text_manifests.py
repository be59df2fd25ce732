"""Lines of lists that somebody wrote by hand, or with a tool that does not quote."""

import gzip
import io
import json

import pytest

from crawlset.sources import text_manifests
from crawlset.sources.manifest_rows import has_url
from crawlset.wire.searches import ManifestFormat

A, B, C = (f"https://{name}.example/1.jpg" for name in "abc")


def urls(body: bytes, format_: str) -> list[str | None]:
    return [row[0] for row in text_manifests.rows(io.BytesIO(body), ManifestFormat(format_))]


def csv(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in ("url,title", *lines)).encode()


class TestCsv:
    """
    A row that is no CSV costs itself only.

    pandas gives such files up, whole (https://github.com/pandas-dev/pandas/issues/47073,
    https://github.com/pandas-dev/pandas/issues/22140), or leaves rows out without a word
    (https://github.com/pandas-dev/pandas/issues/22661).
    """

    @pytest.mark.parametrize(
        ("odd", "why"),
        [
            (f'{B},"a "cat" that sleeps"', "',' expected after '\"'"),
            (f'{B},"a cat', "unexpected end of data"),
            (f'"{B}', "unexpected end of data"),
        ],
    )
    def test_goes_on_behind_a_row_that_is_none(self, odd: str, why: str) -> None:
        body = csv(f"{A},x", odd, f"{C},y", f"{A}?2,z")

        assert urls(body, "csv") == [A, f"line 3 is not CSV ({why}): {odd}", C, f"{A}?2"]

    def test_goes_on_where_a_later_quote_ends_the_row(self) -> None:
        body = csv(f'{A},"a cat', f"{B},x", f'{C},"a dog"', f"{A}?2,z")

        odd, *others = urls(body, "csv")

        assert (odd or "").startswith("line 2 is not CSV")
        assert others == [B, C, f"{A}?2"]

    def test_numbers_lines_as_an_editor_does(self) -> None:
        body = csv(f'{A},"over\ntwo lines"', f'{B},"a cat', f"{C},x", f'{C},"a"b')

        odd = [url for url in urls(body, "csv") if url and url.startswith("line")]

        assert [url.split(" is ")[0] for url in odd] == ["line 4", "line 6"]

    def test_keeps_line_breaks_and_commas_in_quotes(self) -> None:
        [row] = text_manifests.rows(
            io.BytesIO(csv(f'"{A}","a cat,\r\n""asleep""\rin\n\nbed"')), ManifestFormat.csv
        )

        assert (row[0], row[5]) == (A, 'a cat,\r\n"asleep"\rin\n\nbed')

    def test_leaves_a_row_out_that_has_too_many_cells(self) -> None:
        body = csv(A, "x," * 1_001, B)

        assert urls(body, "csv") == [A, "line 3 has more than 1,000 cells: x", B]

    @pytest.mark.parametrize("n_chars", [200_000, 7_000_000])
    def test_reads_cells_that_python_s_reader_refuses_by_itself(self, n_chars: int) -> None:
        """Captions beyond 128 KiB: https://github.com/turicas/rows/issues/299."""
        [row] = text_manifests.rows(io.BytesIO(csv(f'{A},"{"w" * n_chars}"')), ManifestFormat.csv)

        assert len(row[5] or "") == min(n_chars, 262_145)

    def test_makes_a_row_of_one_that_is_too_long(self) -> None:
        body = csv(A, f"{B},{'x' * 9_000_000}", C)

        first, odd, last = urls(body, "csv")

        assert (first, last) == (A, C)
        assert (odd or "").startswith("line 3 is not CSV (a row of more than 8,388,608 characters)")


class TestJsonl:
    @pytest.mark.parametrize(
        ("odd", "why"),
        [
            ('{"url": }', "line 2, column 9 is not JSON (Expecting value)"),
            ("data:,", "line 2, column 1 is not JSON (Expecting value)"),
            ("[1]", "line 2 is neither an object nor a string"),
            ("null", "line 2 is neither an object nor a string"),
            ("[" * 10_000, "line 2 is not JSON that can be read"),
            ('{"n": ' + "9" * 5_000 + "}", "line 2 is not JSON that can be read"),
            (
                json.dumps({str(n): n for n in range(1_001)}),
                "line 2 has more than 1,000 names",
            ),
        ],
    )
    def test_goes_on_behind_a_line_that_is_none(self, odd: str, why: str) -> None:
        body = "\n".join((json.dumps(A), odd, json.dumps(C))).encode()

        first, middle, last = urls(body, "jsonl")

        assert (first, last) == (A, C)
        assert (middle or "").startswith(f"{why}: {odd[:1_000]}")


class TestUtf16:
    @pytest.mark.parametrize("half", [b"\x00\xd8", b"\xff\xdb", b"\x00\xdc", b"\x00\xd8\x00\xd8"])
    @pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
    def test_that_is_none_makes_no_url_of_another_sign(self, mark: bytes, half: bytes) -> None:
        """As in UTF-8: what is asked for is nothing that the list does not say."""
        body = f"{A}\nhttps://b.example/".encode("utf-16-le") + half
        body += f".jpg\n{C}\n".encode("utf-16-le")
        if mark == b"\xfe\xff":
            body = b"".join(body[at : at + 2][::-1] for at in range(0, len(body), 2))

        first, odd, last = urls(mark + body, "txt")

        assert (first, last) == (A, C)
        assert not has_url(odd)

    def test_that_ends_within_a_sign_costs_its_last_line(self) -> None:
        body = f"{A}\n{B}".encode("utf-16")

        first, odd = urls(body + b"\x00", "txt")

        assert first == A
        assert not has_url(odd)


class TestNames:
    """A file may have another name than its contents have a format."""

    @pytest.mark.parametrize("format_", ["txt", "csv", "jsonl"])
    def test_of_a_text_do_not_matter(self, format_: str) -> None:
        body = f"{A}\n\ndata:,\n{B}?size=1,2\n{C}\n".encode()

        first, odd, *others = urls(body, format_)

        assert (first, others) == (A, [f"{B}?size=1,2", C])
        assert (odd or "").endswith("data:,")


class TestLines:
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
    def test_end_in_any_way(self, end: bytes) -> None:
        body = end.join((A.encode(), b"", B.encode(), b"# no", C.encode()))

        assert urls(body, "txt") == urls(gzip.decompress(gzip.compress(body)), "txt") == [A, B, C]

    def test_end_at_no_other_sign(self) -> None:
        """Python's `splitlines` ends them there as well; JSON has U+2028 in texts as it is."""
        line = json.dumps({"url": A, "title": "a\u2028b\x85c"}, ensure_ascii=False)

        [row] = text_manifests.rows(io.BytesIO(line.encode()), ManifestFormat.jsonl)

        assert (row[0], row[5]) == (A, "a\u2028b\x85c")

    def test_begin_with_a_mark_where_files_were_joined(self) -> None:
        """`copy a.txt+b.txt` leaves the mark of the second one in the middle."""
        body = f"{A}\n".encode("utf-8-sig") + f"{B}\n".encode("utf-8-sig")

        assert urls(body, "txt") == [A, B]

    def test_are_cut_where_they_are_too_long(self) -> None:
        body = b"\n".join((A.encode(), b"data:," + b"x" * 20_000_000, B.encode()))

        first, odd, last = urls(body, "txt")

        assert (first, len(odd or ""), last) == (A, 8_193, B)

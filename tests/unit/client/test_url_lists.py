from pathlib import Path

import pytest

from crawlset.sources import lists
from crawlset_client import url_lists
from crawlset_client.errors import InvalidListError
from crawlset_client.url_lists import FORMATS, PACKED, read_url_list


class TestReadUrlList:
    def test_gives_the_urls_of_a_short_text(self, tmp_path: Path) -> None:
        path = tmp_path / "urls.TXT"
        path.write_text(
            "\ufeffhttp://a.test/1\r\n\n# a comment\n  http://a.test/2  \n", encoding="utf-8"
        )

        found = read_url_list(path)

        assert (found.format, found.urls) == ("txt", ("http://a.test/1", "http://a.test/2"))

    @pytest.mark.parametrize(("n_urls", "is_uploaded"), [(10_000, False), (10_001, True)])
    def test_sends_ten_thousand_in_the_request(
        self, tmp_path: Path, n_urls: int, is_uploaded: bool
    ) -> None:
        path = tmp_path / "urls.txt"
        path.write_text("".join(f"http://a.test/{n}\n" for n in range(n_urls)))

        assert (read_url_list(path).urls is None) is is_uploaded

    def test_uploads_what_is_too_large_for_a_request(self, tmp_path: Path) -> None:
        path = tmp_path / "urls.txt"
        path.write_text(f"http://a.test/{'a' * 5_000}\n" * 1_000)

        assert read_url_list(path).urls is None

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_sends_a_line_that_is_no_url(self, tmp_path: Path, end: str) -> None:
        lines = ("http://a.test/1", "javascript:void(0)", "# no", "\ufeffhttp://a.test/")
        (tmp_path / "urls.txt").write_bytes("".join(line + end for line in lines).encode())

        found = read_url_list(tmp_path / "urls.txt")

        assert found.urls == ("http://a.test/1", "javascript:void(0)", "http://a.test/")

    @pytest.mark.parametrize(
        "line", ["http://a.test/1\tcat", "http://a.test/1 cat", "n01 http://a.test/1", "url", "a,b"]
    )
    def test_uploads_lines_that_may_have_cells(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "urls.txt").write_text(f"{line}\nhttp://a.test/2\n")

        assert read_url_list(tmp_path / "urls.txt").urls is None

    def test_uploads_what_is_said_to_have_columns(self, tmp_path: Path) -> None:
        (tmp_path / "urls.txt").write_text("http://a.test/2\n")

        assert read_url_list(tmp_path / "urls.txt", is_uploaded=True).urls is None

    @pytest.mark.parametrize(
        "body",
        [b"http://a.test/\xff\n", "http://a.test/\r\n".encode("utf-16"), b"http://a\0.test/\n"],
    )
    def test_uploads_what_is_no_text_for_a_request(self, tmp_path: Path, body: bytes) -> None:
        (tmp_path / "urls.txt").write_bytes(body)

        assert read_url_list(tmp_path / "urls.txt").urls is None

    @pytest.mark.parametrize(
        ("name", "format_"),
        [
            ("urls.csv", "csv"),
            ("urls.tsv.gz", "csv"),
            ("urls.jsonl", "jsonl"),
            ("urls.ndjson", "jsonl"),
            ("urls.parquet", "parquet"),
            ("urls.txt.gz", "txt"),
            ("urls.csv.GZ", "csv"),
            ("urls.tsv.zst", "csv"),
            ("urls.json", "json"),
            ("urls.json.gz", "json"),
            ("0012345-240229150023.zip", None),
            ("inaturalist-open-data-latest.tar.gz", None),
            ("inaturalist.tgz", None),
            ("inaturalist.tar", None),
            ("photos.csv.gz", "csv"),
        ],
    )
    def test_uploads_other_formats(self, tmp_path: Path, name: str, format_: str | None) -> None:
        (tmp_path / name).write_bytes(b"whatever")

        found = read_url_list(tmp_path / name)

        assert (found.format, found.urls) == (format_, None)

    @pytest.mark.parametrize(
        ("name", "body", "reason"),
        [
            ("urls", b"http://a.test/", "its suffix is none of"),
            ("urls.xlsx", b"PK", "its suffix is none of"),
            ("urls.txt", b"", "the file is empty"),
            ("urls.txt", b"# nothing\n\n", "there is no URL in it"),
        ],
    )
    def test_refuses_what_is_no_list(
        self, tmp_path: Path, name: str, body: bytes, reason: str
    ) -> None:
        (tmp_path / name).write_bytes(body)

        with pytest.raises(InvalidListError, match=reason):
            read_url_list(tmp_path / name)

    def test_refuses_a_manifest_above_its_limit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (tmp_path / "urls.csv").open("wb") as file:
            file.truncate(url_lists.MAX_MANIFEST_BYTES + 1)

        with pytest.raises(InvalidListError, match="4,294,967,296 are allowed"):
            read_url_list(tmp_path / "urls.csv")

    @pytest.mark.parametrize(
        ("name", "body", "is_refused"),
        [
            ("urls.txt", "http://a.test/\n# no\n\n" * 3, False),
            ("urls.txt", "http://a.test/\n" * 4, True),
            ("urls.txt", "http://a.test/\r" * 4, True),
            ("urls.txt", "http://a.test/\n" * 3 + "http://a.test/", True),
            ("urls.jsonl", '{"url": "http://a.test/"}\n' * 4, True),
            ("urls.csv", "url,title\n" + 'http://a.test/,"a\nb"\n' * 3, False),
            ("urls.csv", "url,title\n" + 'http://a.test/,"a\nb"\n' * 4, True),
            ("urls.csv.gz", "url\n" * 9, False),
        ],
    )
    def test_refuses_more_rows_than_a_job_may_try(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        body: str,
        is_refused: bool,
    ) -> None:
        monkeypatch.setattr(url_lists, "MAX_ROWS", 3)
        (tmp_path / name).write_text(body)

        if not is_refused:
            assert read_url_list(tmp_path / name).path == tmp_path / name
            return
        with pytest.raises(InvalidListError, match="more than 3 rows; split it"):
            read_url_list(tmp_path / name)
        assert read_url_list(tmp_path / name, max_images=2).path == tmp_path / name

    def test_refuses_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            read_url_list(tmp_path / "urls.csv")

    def test_refuses_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "urls.csv").mkdir()

        with pytest.raises(InvalidListError, match="not a file"):
            read_url_list(tmp_path / "urls.csv")


@pytest.mark.parametrize("packing", ["", *PACKED])
@pytest.mark.parametrize("suffix", FORMATS)
def test_files_of_a_prefix_are_known_by_the_same_suffixes(suffix: str, packing: str) -> None:
    is_shard = suffix + packing == ".tar"

    assert lists.is_list_name(f"2026/part-1{suffix}{packing}") is not is_shard

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlset.kit import aws, confinement
from crawlset.sources import manifest_child, manifest_rows, manifests, text_manifests
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.protocol import Candidate
from crawlset.sources.stored_file import ObjectChangedError, StoredFile
from crawlset.wire.searches import ManifestFormat
from tests.spellings import PAIRS
from tests.unit.sources.conftest import Upload

A, B = "https://a.example/1.jpg", "https://b.example/2.jpg"


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def read(key: str, stated: str | None = None) -> list[Candidate]:
    manifest = manifests.open_manifest(key, ManifestFormat(stated) if stated else None)
    return [candidate for page in manifests.read(manifest) for candidate in page]


class TestOpenManifest:
    @pytest.mark.parametrize(
        ("body", "format_"),
        [
            (f"{A}\n".encode(), "txt"),
            (b"# my urls, url\n", "txt"),
            (f"url\n{A}\n".encode(), "csv"),
            (f'\ufeffLabel,"URL"\r\ncat,{A}\r\n'.encode(), "csv"),
            (f'\n{{"url": "{A}"}}\n'.encode(), "jsonl"),
            (f'"{A}"\n'.encode(), "jsonl"),
            (parquet({"url": [A]}), "parquet"),
            (gzip.compress(f"url\n{A}\n".encode(), mtime=0), "csv"),
        ],
    )
    def test_tells_the_format_by_how_it_begins(
        self, upload: Upload, body: bytes, format_: str
    ) -> None:
        assert manifests.open_manifest(upload(body)).format == format_

    def test_believes_what_is_stated_before_the_beginning(self, upload: Upload) -> None:
        manifest = manifests.open_manifest(upload(b"x"), ManifestFormat.csv)

        assert manifest.format == "csv"

    @pytest.mark.parametrize(
        ("body", "stated", "message"),
        [
            (b"", None, "is empty"),
            (b" \n\n", None, "is empty"),
            (gzip.compress(b"", mtime=0), None, "is empty"),
            (b"\x1f\x8bnonsense", None, "gzip data is broken at its beginning"),
            (b"PAR1 and so on", "csv", "should be csv, but it is Parquet"),
            (b"hello", "parquet", "should be parquet, but it does not begin"),
            (gzip.compress(parquet({"url": [A]}), mtime=0), None, "may not be gzipped"),
        ],
    )
    def test_refuses_what_is_not_what_it_should_be(
        self, upload: Upload, body: bytes, stated: str | None, message: str
    ) -> None:
        with pytest.raises(MalformedManifestError, match=message):
            manifests.open_manifest(upload(body), ManifestFormat(stated) if stated else None)

    def test_refuses_one_that_is_not_there(self, upload: Upload) -> None:
        with pytest.raises(MalformedManifestError, match="not been uploaded"):
            manifests.open_manifest("uploads/someone/else")

    def test_refuses_a_large_one_without_reading_it(
        self, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(manifests, "MAX_MANIFEST_BYTES", 10)
        monkeypatch.setattr(StoredFile, "read", None)

        with pytest.raises(MalformedManifestError, match="has 11 bytes; 10 are allowed"):
            manifests.open_manifest(upload(b"x" * 11))


class TestReadTxt:
    def test_ignores_blank_lines_and_comments(self, upload: Upload) -> None:
        key = upload(f"\ufeff# mine\r\n\r\n  {A}  \n\n#{B}\n{B}".encode())

        assert [candidate.url for candidate in read(key)] == [A, B]

    def test_keeps_lines_that_are_no_url(self, upload: Upload) -> None:
        key = upload(f"{A}\nhello there\nhttps:///nohost\n".encode())

        assert [candidate.url for candidate in read(key)] == [A, "hello there", "https:///nohost"]

    @pytest.mark.parametrize("sign", ",;")
    def test_takes_a_first_url_for_no_names_of_columns(self, upload: Upload, sign: str) -> None:
        urls = [f"{A}/1{sign}url{sign}2.jpg", f"{B}?a=b{sign}originalurl", A]

        assert [candidate.url for candidate in read(upload("\n".join(urls).encode()))] == urls

    def test_reads_gzip_of_several_members(self, upload: Upload) -> None:
        key = upload(
            gzip.compress(f"{A}\n".encode(), mtime=0) + gzip.compress(f"{B}\n".encode(), mtime=0)
        )

        assert [candidate.url for candidate in read(key)] == [A, B]


class TestReadCsv:
    def test_finds_columns_by_any_of_their_names(self, upload: Upload) -> None:
        key = upload(
            "Author,URL,landing_url,Label,License,title,other\n"
            f'Ada,{A},https://a.example/,cat,CC BY 4.0,"A ""cat"", sleeping",x\n'
            f"\n,{B}\n".encode()
        )

        first, second = read(key)

        assert first == Candidate(
            url=A,
            keyword="cat",
            landing_url="https://a.example/",
            licence="cc-by-4.0",
            licence_raw="CC BY 4.0",
            creator="Ada",
            title='A "cat", sleeping',
            columns={"other": "x"},
        )
        assert second == Candidate(url=B)

    def test_says_in_which_row_the_url_is_missing(self, upload: Upload) -> None:
        key = upload(f"url,label\n{A},cat\n,dog\n".encode())

        assert [candidate.url for candidate in read(key)] == [A, "row 2: no url"]


class TestReadJsonl:
    def test_takes_objects_and_strings(self, upload: Upload) -> None:
        rows = [{"URL": A, "label": 7, "caption": "no"}, B, {"url": None, "title": {"x": 1}}]
        key = upload("\n\n".join(json.dumps(row) for row in rows).encode())

        assert read(key) == [
            Candidate(url=A, keyword="7", title="no"),
            Candidate(url=B),
            Candidate(url="row 3: no url", columns={"title": {"x": 1}}),
        ]


class TestReadParquet:
    def test_reads_every_row_group(self, upload: Upload) -> None:
        urls = [f"https://a.example/{n}.jpg" for n in range(5_000)]
        key = upload(parquet({"URL": urls, "label": [7] * 5_000}, row_group_size=1_300))

        found = read(key)

        assert [candidate.url for candidate in found] == urls
        assert {candidate.keyword for candidate in found} == {"7"}

    def test_takes_large_and_dictionary_texts_and_says_where_none_is(self, upload: Upload) -> None:
        key = upload(
            parquet(
                {
                    "url": pa.array([A, None], pa.large_string()),
                    "label": pa.array(["cat", "cat"]).dictionary_encode(),
                }
            )
        )

        assert read(key) == [
            Candidate(url=A, keyword="cat"),
            Candidate(url="row 2: no url", keyword="cat"),
        ]


class TestReadWhole:
    @pytest.mark.parametrize(
        ("stated", "body", "message"),
        [
            ("txt", b"# nothing\n\n", r"no URL in the list\.$"),
            ("txt", b"<html>\n<body>\n", "no URL in the list; it begins with '<html>'"),
            ("txt", f"{A}\n".encode("utf-16-le"), "no URL in the list; it begins with"),
            ("csv", b"label,address\ncat,x\n", "no column url; its columns are label, address"),
            ("csv", b"url\n", "no URL in the list"),
            ("csv", b'"url"s,x\nx\n', "Line 1 is not CSV: ',' expected"),
            ("csv", b'url\n"unclosed\n', "begins with 'line 2 is not CSV .unexpected end"),
            ("jsonl", b'{"url": }\n', "begins with 'line 1, column 9 is not JSON .Expecting"),
            ("jsonl", b"[1]\n", "begins with 'line 1 is neither an object nor a string"),
            ("jsonl", b"[" * 200_000, "begins with 'line 1 is not JSON that can be read"),
            ("jsonl", b'{"url": ' + b"9" * 5_000 + b"}", "line 1 is not JSON that can be read"),
            ("jsonl", b'{"link": "x"}\n', "no URL in the list"),
            ("parquet", b"PAR1 nonsense PAR1", "Parquet file is broken"),
            ("parquet", parquet({"url": [A] * 100})[:-9], "Parquet file is broken"),
            ("parquet", parquet({"photo": [A]}), "no column url; its columns are photo"),
            ("parquet", parquet({"url": [1]}), "column url holds int64, not text"),
            ("parquet", parquet({"url": [{"a": A}]}), "holds struct"),
            ("parquet", parquet({"url": pa.array([], pa.string())}), "no URL in the list"),
        ],
    )
    def test_says_in_one_sentence_what_is_malformed(
        self, upload: Upload, stated: str, body: bytes, message: str
    ) -> None:
        manifest = manifests.open_manifest(upload(body), ManifestFormat(stated))

        with pytest.raises(MalformedManifestError, match=message) as caught:
            list(manifests.read(manifest))

        assert caught.value.pointer == "/upload_id"

    def test_finds_damage_inside_a_parquet_file(self, upload: Upload) -> None:
        body = bytearray(parquet({"url": [f"https://a.example/{n}" for n in range(9_000)]}))
        body[2_000:2_200] = bytes(200)
        manifest = manifests.open_manifest(upload(bytes(body)))

        with pytest.raises(MalformedManifestError, match="Parquet file is broken"):
            list(manifests.read(manifest))

    def test_finds_a_gzip_that_is_cut_short(self, upload: Upload) -> None:
        lines = "".join(f"https://a.example/{n * n}\n" for n in range(100_000)).encode()
        manifest = manifests.open_manifest(upload(gzip.compress(lines, mtime=0)[:-2_000]))

        with pytest.raises(MalformedManifestError, match=r"gzip data is broken at line \d+"):
            list(manifests.read(manifest))

    def test_bounds_what_gzip_unpacks_to(self) -> None:
        lines = io.BytesIO((b"#" * 999 + b"\n") * 2_000)

        with pytest.raises(MalformedManifestError, match="unpacks to more than 1,000,000 char"):
            list(text_manifests.rows(lines, ManifestFormat.txt, max_chars=1_000_000))

    def test_bounds_blank_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_manifests, "MAX_LINES", 2_000)
        body = io.BytesIO(f"{A}\n".encode() + b"\n" * 2_000)

        with pytest.raises(MalformedManifestError, match="more than 2,000 lines"):
            list(text_manifests.rows(body, ManifestFormat.txt))

    def test_bounds_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(manifest_rows, "MAX_CANDIDATES", 1_000)
        rows = [(A, *manifest_rows.NOTHING)] * 1_001

        with pytest.raises(MalformedManifestError, match=r"more than 1,000 rows"):
            list(manifest_rows.checked(rows, 1_000))
        assert len(list(manifest_rows.checked(rows, 2))) == 1_000

    def test_counts_rows(self, upload: Upload) -> None:
        manifest = manifests.open_manifest(upload(f"{A}\nnot a url\n".encode()))

        assert [len(page) for page in manifests.read(manifest)] == [2]

    @pytest.mark.parametrize("spelling", [spelling for spelling, _ in PAIRS])
    def test_finds_a_url_in_every_spelling_of_a_host(self, upload: Upload, spelling: str) -> None:
        manifest = manifests.open_manifest(upload(f"https://{spelling}/1.jpg\n".encode()))

        assert len(list(manifests.read(manifest))) == 1

    def test_notices_when_the_upload_is_replaced(self, upload: Upload) -> None:
        manifest = manifests.open_manifest(upload(f"{A}\n".encode()))
        upload(f"{B}\n".encode())

        with pytest.raises(ObjectChangedError, match="changed while it was read"):
            list(manifests.read(manifest))


class TestChild:
    def test_ends_when_its_time_is_up(
        self, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(manifest_child, "CPU_SECONDS", 0)
        members = gzip.compress(f"{A}\n".encode()) + gzip.compress(b"") * 1_000_000
        manifest = manifests.open_manifest(upload(members))

        with pytest.raises(MalformedManifestError, match="takes longer than 0 seconds to read"):
            next(manifests.read(manifest))

    def test_is_no_list_s_fault_when_it_does_not_start(
        self, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(confinement, "environment", dict)
        manifest = manifests.open_manifest(upload(f"{A}\n".encode()))

        with pytest.raises(manifest_child.ManifestReaderError, match="does not start"):
            next(manifests.read(manifest))

    def test_knows_no_credentials(self) -> None:
        assert not {name for name in confinement.environment() if name.startswith("AWS_")}

    def test_reads_no_more_pieces_than_a_file_has(
        self, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(manifest_child, "FREE_PIECES", 0)
        manifest = manifests.open_manifest(upload(f"{A}\n".encode()))

        with pytest.raises(MalformedManifestError, match="scattered too widely"):
            next(manifests.read(manifest))


class TestInspect:
    def test_gives_the_format(self, upload: Upload) -> None:
        assert manifests.inspect(upload(f"url\n{A}\n".encode())).format == "csv"

    def test_refuses_what_is_wrong_at_the_beginning(self, upload: Upload) -> None:
        with pytest.raises(MalformedManifestError, match="no URL in the list; it begins with"):
            manifests.inspect(upload(b'{"link": "x"}\n{'))

    def test_refuses_a_parquet_file_cut_short(self, upload: Upload) -> None:
        with pytest.raises(MalformedManifestError, match="cut short"):
            manifests.inspect(upload(parquet({"url": [A]})[:-1]))

    def test_reads_only_the_beginning(
        self, upload: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = upload(f"{A}\n".encode() * 100_000 + b"\xff")
        read_objects: list[str] = []
        client = aws.s3()
        client.meta.events.register(
            "provide-client-params.s3.GetObject",
            lambda params, **_: read_objects.append(params["Range"]),
        )

        manifests.inspect(key)

        assert read_objects == ["bytes=0-262143"]


class TestCatalogues:
    def test_reads_the_list_of_open_images_as_it_is(self, upload: Upload) -> None:
        header = (
            "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,"
            "OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation"
        )
        line = (
            f"000060e3121c7305,validation,{A},https://www.flickr.com/photos/1/2,"
            "https://creativecommons.org/licenses/by/2.0/,https://www.flickr.com/people/1/,"
            '"Ida, Müller","A ""cat""",211079,0Sad+xMj2ttXM1U8meEJ0A==,https://c1.test/z.jpg,0.0'
        )

        [found] = read(upload(f"{header}\n{line}\n".encode()))

        assert found == Candidate(
            url=A,
            landing_url="https://www.flickr.com/photos/1/2",
            licence="cc-by-2.0",
            licence_raw="https://creativecommons.org/licenses/by/2.0/",
            creator="Ida, Müller",
            title='A "cat"',
            columns={
                "ImageID": "000060e3121c7305",
                "Subset": "validation",
                "AuthorProfileURL": "https://www.flickr.com/people/1/",
                "OriginalSize": "211079",
                "OriginalMD5": "0Sad+xMj2ttXM1U8meEJ0A==",
                "Thumbnail300KURL": "https://c1.test/z.jpg",
                "Rotation": "0.0",
            },
        )

    def test_reads_a_list_of_laion_s_kind_as_it_is(self, upload: Upload) -> None:
        columns = {
            "SAMPLE_ID": pa.array([1, 2], pa.int64()),
            "URL": [A, B],
            "TEXT": ["a cat on a mat", None],
            "WIDTH": pa.array([640, None], pa.int32()),
            "HEIGHT": pa.array([480.0, -1.5], pa.float64()),
            "LICENSE": ["?", None],
            "similarity": [0.3, 0.4],
        }

        first, second = read(upload(parquet(columns)))

        assert first == Candidate(
            url=A,
            title="a cat on a mat",
            licence_raw="?",
            width=640,
            height=480,
            columns={"SAMPLE_ID": 1, "WIDTH": 640, "HEIGHT": 480.0, "similarity": 0.3},
        )
        assert second == Candidate(
            url=B, columns={"SAMPLE_ID": 2, "HEIGHT": -1.5, "similarity": 0.4}
        )

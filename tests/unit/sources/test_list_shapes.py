"""
Lists in the shapes in which data sets and tools publish them, a small one of each.

CC3M and CC12M come without a header
(https://github.com/rom1504/img2dataset/tree/main/dataset_examples).
"""

import io
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlset.sources import manifests, parquet_manifests, text_manifests
from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.sources.manifest_rows import checked
from crawlset.wire.searches import ListReading, ManifestFormat
from tests.unit.sources.conftest import Upload
from tests.unit.sources.lists_read import PAGE, A, B, C, lines, read, read_parquet, told


class TestWithoutHeader:
    @pytest.mark.parametrize("format_", ["txt", "csv"])
    @pytest.mark.parametrize(
        ("body", "captions"),
        [
            (
                lines(f'a "very typical bus\t{A}', f"a cat sits\t{B}"),
                ['a "very typical bus', "a cat sits"],
            ),
            (
                lines(f"{A}\ta <PERSON> on a horse", f'{B}\t"I am here", he said'),
                ["a <PERSON> on a horse", '"I am here", he said'],
            ),
            (lines(f'{A}\t"It is ""new"""', f"{B}\tan old one"), ['It is "new"', "an old one"]),
        ],
        ids=["CC3M", "CC12M", "pandas"],
    )
    def test_is_known_by_its_tabs(self, body: str, captions: list[str], format_: str) -> None:
        found = read(body, format_)

        assert [(row["url"], row["title"]) for row in found] == [(A, captions[0]), (B, captions[1])]

    @pytest.mark.parametrize("sign", ["\t", " "])
    def test_keeps_an_id_before_the_url(self, sign: str) -> None:
        """ImageNet's fall11_urls.txt (https://github.com/xkumiyu/imagenet-downloader/blob/main/gen_urls.py)."""
        found = read(lines(f"n00004475_6590{sign}{A}", f"n00004475_15899{sign}{B}"))

        assert found == [
            {"url": A, "others": {"column_1": "n00004475_6590"}},
            {"url": B, "others": {"column_1": "n00004475_15899"}},
        ]

    @pytest.mark.parametrize("sign", ["\t", ",", ";", " "])
    def test_takes_a_word_behind_the_url_for_the_class(self, sign: str) -> None:
        found = read(lines(f"{A}{sign}cat", f"{B}{sign}dog"))

        assert found == [{"url": A, "keyword": "cat"}, {"url": B, "keyword": "dog"}]

    def test_takes_words_that_all_differ_for_no_class(self) -> None:
        found = read(lines(*(f"{A}?{n},key-{n}" for n in range(30))))

        assert found[7] == {"url": f"{A}?7", "others": {"column_2": "key-7"}}

    def test_may_be_named_by_numbers(self) -> None:
        reading = ListReading(url_column="column_3", label_column="column_1")

        [found] = read(f"7,{A},{B}\n", "csv", reading)

        assert found == {"url": B, "keyword": "7", "others": {"column_2": A}}

    @pytest.mark.parametrize(
        "urls",
        [
            ("https://a.example/w_100,h_100/1.jpg", "https://a.example/w_200,h_200/2.jpg"),
            ("https://a.example/1;2.jpg", "https://a.example/3;4.jpg"),
            ("https://a.example/my cat.jpg", "https://a.example/my dog.jpg"),
            ("https://a.example/my cat", "https://a.example/my dog"),
            ("https://a.example/1.jpg?s=1,w=2", "https://a.example/2.jpg?s=1,w=2"),
            ("https://a.example/1.jpg,", "https://b.example/2.jpg"),
            ("https://a.example/1.jpg?resize=300,200", "https://b.example/2.jpg?resize=40,50"),
            ("https://a.example/1.jpg?crop=0,0,9px,9px", "https://b.example/2?crop=0,0,8px,8px"),
            (
                "https://a.example/w_100,h_100,c_fill/v1/1.jpg",
                "https://a.example/w_200,h_9,c_fill/v1/2.jpg",
            ),
            ("https://a.example/photo;7", "https://a.example/photo;8"),
        ],
    )
    def test_leaves_signs_in_urls_alone(self, urls: tuple[str, ...]) -> None:
        assert read(lines(*urls)) == [{"url": url} for url in urls]

    def test_splits_urls_with_a_number_behind_where_their_column_is_named(self) -> None:
        body = lines("https://a.example/1?x,640", "https://a.example/2?x,480")

        found = read(body, reading=ListReading(url_column="column_1", label_column="column_2"))

        assert found == [
            {"url": "https://a.example/1?x", "keyword": "640"},
            {"url": "https://a.example/2?x", "keyword": "480"},
        ]

    @pytest.mark.parametrize("cell", ["7", "0.95", "cat/tabby", "9.jpg"])
    def test_end_a_url_that_ends_as_a_picture(self, cell: str) -> None:
        assert read(lines(f"{A},{cell}", f"{B},{cell}")) == [
            {"url": A, "keyword": cell},
            {"url": B, "keyword": cell},
        ]

    def test_split_numbers_from_some_urls_where_others_end_as_pictures(self) -> None:
        body = lines(f"{A},0.75", f"{B},0.75", "https://c.example/1?x,0.95")

        assert [row["keyword"] for row in read(body)] == ["0.75", "0.75", "0.95"]

    @pytest.mark.parametrize("cell", ["/" * 100_000 + " x", ",".join("/" * 60_000)])
    def test_takes_no_time_to_be_known(self, cell: str) -> None:
        assert len(read(lines(f"{A},{cell}", f"{B},{cell}"))) == 2

    def test_may_have_rows_of_several_lengths(self) -> None:
        """https://github.com/Tencent/tencent-ml-images: a URL and any number of `class:weight`."""
        found = read(lines(f"{A}\t2:1\t7:1", f"{B}\t5:0.9", f"{C}\t2:1\t7:1\t9:1"))

        assert [row.get("others") for row in found] == [
            {"column_3": "7:1"}, None, {"column_3": "7:1", "column_4": "9:1"},
        ]  # fmt: skip

    @pytest.mark.parametrize("format_", ["txt", "csv"])
    def test_may_have_commas_in_captions_without_quotes(self, format_: str) -> None:
        found = read(lines(f"{A},a cat sits", f"{B},a dog, black", C, f"{A}?,a cow"), format_)

        assert [row["url"] for row in found] == [A, B, C, f"{A}?"]
        assert found[1] == {"url": B, "title": "a dog", "others": {"column_3": "black"}}

    def test_costs_an_odd_line_itself_only(self) -> None:
        found = read(lines(f"{A}\ta cat sits", "what is this", B, f"{C}\ta dog sits"))

        assert [row.get("url") for row in found] == [A, "what is this", B, C]


class TestWithHeader:
    @pytest.mark.parametrize("format_", ["txt", "csv", "json", "jsonl"])
    @pytest.mark.parametrize("sign", ["\t", ",", ";", "|"])
    def test_is_split_by_the_sign_in_its_header(self, sign: str, format_: str) -> None:
        """Excel writes `;` where commas are in numbers."""
        body = lines(*(sign.join(row) for row in (("url", "caption"), (A, "x y"), (B, "z"))))

        assert read(body, format_) == [{"url": A, "title": "x y"}, {"url": B, "title": "z"}]

    def test_may_name_fewer_columns_than_rows_have(self) -> None:
        body = lines("url,caption", f"{A},x", f"{B},y,more,,than two")

        assert read(body, "csv") == [
            {"url": A, "title": "x"},
            {"url": B, "title": "y", "others": {"column_3": "more", "column_5": "than two"}},
        ]

    def test_may_follow_a_line_for_excel(self) -> None:
        odd, row = read(lines("sep=;", "url;caption", f"{A};x"), "csv")

        assert (odd, row) == ({"url": "sep=;"}, {"url": A, "title": "x"})

    @pytest.mark.parametrize(
        "name", ["image_url", "URL", "link", "OriginalURL", "Image_URL", "identifier", "img_url"]
    )
    def test_may_call_the_url_otherwise(self, name: str) -> None:
        assert read(f"{name},description\n{A},x\n", "csv") == [{"url": A, "title": "x"}]
        assert read(json.dumps({name: A, "description": "x"})) == [{"url": A, "title": "x"}]
        columns: Any = {name: [A], "description": ["x"]}
        assert read_parquet(**columns) == [{"url": A, "title": "x"}]

    def test_takes_the_column_that_has_urls_where_no_name_is_known(self) -> None:
        assert read(lines("photo,who", f"{A},Ada", f"{B},Bob"), "csv") == [
            {"url": A, "others": {"who": "Ada"}},
            {"url": B, "others": {"who": "Bob"}},
        ]

    def test_may_have_one_name_twice(self) -> None:
        assert read(lines("url,URL,label,label", f"{A},{B},cat,dog"), "csv") == [
            {"url": A, "keyword": "cat", "others": {"URL": B, "label.4": "dog"}}
        ]

    def test_keeps_quotes_that_begin_a_cell_between_tabs(self) -> None:
        body = lines("url\tcaption", f'{A}\t"Hello" she said', f'{B}\t"it is ""quoted"""')

        assert [row["title"] for row in read(body)] == ['"Hello" she said', 'it is "quoted"']

    def test_keeps_commas_in_a_column_of_urls(self) -> None:
        assert read(lines("url", f"{A}?1,2"), "csv") == [{"url": f"{A}?1,2"}]

    def test_of_wit(self) -> None:
        """https://github.com/google-research-datasets/wit/blob/main/DATA.md"""
        header = "language\tpage_url\timage_url\tpage_title\tcaption_reference_description"

        [found] = read(lines(header, f'en\t{PAGE}\t{A}\tCats\t"a ""cat"""'))

        assert found == {
            "url": A,
            "title": 'a "cat"',
            "landing_url": PAGE,
            "others": {"language": "en", "page_title": "Cats"},
        }

    def test_of_multimedia_of_gbif(self) -> None:
        """https://techdocs.gbif.org/en/data-use/download-formats"""
        header = "gbifID\ttype\tformat\tidentifier\treferences\ttitle\tcreator\tlicense"

        [found] = read(lines(header, f"1\tStillImage\timage/jpeg\t{A}\t{PAGE}\t\tAda\tCC_BY_4_0"))

        assert found == {
            "url": A,
            "landing_url": PAGE,
            "creator": "Ada",
            "licence": "CC_BY_4_0",
            "others": {"gbifID": "1", "type": "StillImage", "format": "image/jpeg"},
        }

    def test_of_google_landmarks(self) -> None:
        """https://github.com/cvdfoundation/google-landmark"""
        [found] = read(lines('"id","url","landmark_id"', f'"6e158a47eb2ca3f6",{A},142820'), "csv")

        assert found == {"url": A, "keyword": "142820", "others": {"id": "6e158a47eb2ca3f6"}}


class TestEncoding:
    @pytest.mark.parametrize(
        ("encoding", "text"),
        [
            ("utf-16", "Müller"),
            ("utf-16-le", "Müller"),
            ("latin-1", "Müller"),
            ("cp1252", "€ 5"),
            ("shift_jis", "猫"),
        ],
    )
    def test_is_as_stated(self, encoding: str, text: str) -> None:
        body = lines("url,caption", f"{A},{text}").encode(encoding)

        assert read(body, "csv", ListReading(encoding=encoding)) == [{"url": A, "title": text}]

    def test_that_ends_in_the_middle_of_a_sign_costs_its_last_line(self) -> None:
        body = f"{A}\n{B}".encode("utf-32-le")[:-2]

        first, odd = read(body, reading=ListReading(encoding="utf-32-le"))

        assert (first["url"], odd["url"]) == (A, f"{B[:-1]}\udcff")


class TestParquet:
    def test_of_spark_has_bytes_for_texts(self) -> None:
        found = read_parquet(
            url=pa.array([A.encode()]),
            caption=pa.array(["é".encode()]),
            tag=pa.array([b"caf\xe9"]),
        )

        assert found == [{"url": A, "title": "é", "others": {"tag": "caf\udce9"}}]

    def test_leaves_pictures_out_unless_they_are_named(self) -> None:
        columns: Any = {
            "url": [A],
            "image": pa.array([{"bytes": b"x", "path": "p"}]),
            "jpg": [b"y"],
        }

        assert read_parquet(**columns) == [{"url": A}]
        assert read_parquet(ListReading(keep_columns=("jpg",)), **columns) == [
            {"url": A, "others": {"jpg": "y"}}
        ]

    def test_may_name_what_is_inside(self) -> None:
        image = pa.array([{"url": A, "size": {"w": 5}}, None, {"url": B, "size": None}])
        reading = ListReading(url_column="image.url", keep_columns=("image.size.w",))

        assert read_parquet(reading, image=image, text=["x", "y", "z"]) == [
            {"url": A, "title": "x", "others": {"image.size.w": 5}},
            {"title": "y"},
            {"url": B, "title": "z"},
        ]

    def test_keeps_what_json_can_say(self) -> None:
        found = read_parquet(
            url=[A],
            similarity=[0.5],
            uid=pa.array([2**63], pa.uint64()),
            day=pa.array([0], pa.date32()),
            tags=pa.array([["a", "b"]]),
            nothing=pa.array([float("nan")]),
            vector=pa.array([[0.5]]),
            price=pa.array([Decimal("12345678901234567890.25")]),
            key=pa.array([Decimal(12345678901234567890)]),
            exif=pa.array([{"iso": 100}]),
        )

        assert found[0]["others"] == {
            "similarity": 0.5, "uid": 2**63, "day": "1970-01-01", "tags": ["a", "b"],
            "price": "12345678901234567890.25", "key": 12345678901234567890, "exif": {"iso": 100},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("times", "text"),
        [
            (pa.array([1], pa.timestamp("ns")), "1970-01-01 00:00:00.000000001"),
            (pa.array([1], pa.timestamp("ms", "UTC")), "1970-01-01 00:00:00.001Z"),
            (pa.array([1], pa.timestamp("ms", "Europe/Berlin")), "1970-01-01 00:00:00.001Z"),
            (pa.array([2**62], pa.timestamp("us")), f"<value out of range: {2**62}>"),
            (pa.array([1], pa.time64("ns")), "00:00:00.000000001"),
        ],
        ids=["nanoseconds", "UTC", "zone", "far", "time"],
    )
    def test_has_times_that_python_has_not(self, upload: Upload, times: Any, text: str) -> None:
        out = io.BytesIO()
        pq.write_table(pa.table({"url": [A], "at": times}), out)

        [[found]] = manifests.read(manifests.inspect(upload(out.getvalue())))

        assert found.columns == {"at": text}

    def test_may_have_one_name_twice(self) -> None:
        out = io.BytesIO()
        table = pa.Table.from_arrays([[A], [B], ["x"], ["y"]], names=["url", "url", "n", "n"])
        pq.write_table(table, out)

        assert told(parquet_manifests.rows(out)) == [{"url": A, "others": {"n": "x"}}]

    @pytest.mark.parametrize("type_", [pa.binary(), pa.binary(16)])
    def test_states_hashes_in_bytes(self, type_: Any) -> None:
        columns: Any = {"url": [A], "md5": pa.array([b"\xaa" * 16], type_)}

        [found] = read_parquet(ListReading(md5_column="md5"), **columns)

        assert found["md5"] == "aa" * 16


class TestColumns:
    def test_that_are_named_must_be_there(self) -> None:
        reading = ListReading(caption_column="alt")

        with pytest.raises(
            MalformedManifestError, match="no column alt; its columns are url, text"
        ):
            read(f"url,text\n{A},x\n", "csv", reading)

    @pytest.mark.parametrize("body", [f"{A}\n", f"url,text\n{A},x\n"])
    @pytest.mark.parametrize(
        "reading", [ListReading(md5_column="alt"), ListReading(keep_columns=("alt",))]
    )
    def test_that_are_named_must_be_in_any_text(self, body: str, reading: ListReading) -> None:
        with pytest.raises(MalformedManifestError, match="no column alt"):
            read(body, reading=reading)

    def test_to_keep_are_found_in_any_case_and_by_number(self) -> None:
        body = f",url,Tag,tag,x\n0,{A},1,2,3\n"

        [found] = read(body, "csv", ListReading(keep_columns=("COLUMN_1", "Tag", "tag")))

        assert found["others"] == {"column_1": "0", "Tag": "1"}

    def test_of_hashes_must_have_one(self) -> None:
        rows = text_manifests.rows(
            io.BytesIO(f"url,sha\n{A},none\n".encode()),
            ManifestFormat.csv,
            ListReading(sha256_column="sha"),
        )

        with pytest.raises(MalformedManifestError, match="column of hashes is a hash"):
            list(checked(rows))

    def test_that_are_named_go_before_those_that_are_found(self) -> None:
        reading = ListReading(url_column="photo", caption_column="Alt", keep_columns=())

        assert read(f"url,photo,alt,text\n{A},{B},x,y\n", "csv", reading) == [
            {"url": B, "title": "x"}
        ]


class TestPacked:
    @pytest.mark.parametrize("stated", [None, "csv"])
    @pytest.mark.parametrize("n_frames", [1, 2])
    def test_by_zstd(self, upload: Upload, n_frames: int, stated: str | None) -> None:
        parts = (f"url,label\n{A},cat\n", f"{B},dog\n")
        texts = ["".join(parts)] if n_frames == 1 else parts
        body = b"".join(pa.compress(text.encode(), "zstd", asbytes=True) for text in texts)

        manifest = manifests.inspect(upload(body), ManifestFormat(stated) if stated else None)

        found = [(c.url, c.keyword) for page in manifests.read(manifest) for c in page]
        assert found == [(A, "cat"), (B, "dog")]

    def test_by_zstd_says_what_is_broken(self, upload: Upload) -> None:
        body = pa.compress(f"{A}\n".encode() * 9_000, "zstd", asbytes=True)[:-9]
        manifest = manifests.inspect(upload(body))

        with pytest.raises(MalformedManifestError, match="zstd data is broken at line"):
            next(manifests.read(manifest))

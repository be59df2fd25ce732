"""
Lists in the shapes in which data sets and tools publish them, a small one of each.

CC3M and CC12M come without a header, SBU as one object of arrays, RedCaps as an object with an
array below `annotations` (https://github.com/rom1504/img2dataset/tree/main/dataset_examples,
https://github.com/redcaps-dataset/redcaps-downloader).
"""

import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlset.sources import manifests, parquet_manifests, text_manifests
from crawlset.sources.manifest_columns import COLUMNS, MalformedManifestError
from crawlset.sources.manifest_rows import Row
from crawlset.wire.searches import AS_FOUND, ListReading, ManifestFormat
from tests.unit.sources.conftest import Upload

A, B, C = (f"https://{name}.example/1.jpg" for name in "abc")
PAGE = "https://pages.example/a"


def told(rows: Iterator[Row]) -> list[dict[str, Any]]:
    """Rows as objects, without what they do not say."""
    names = [*COLUMNS, "others"]
    found = []
    for row in rows:
        said = {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}
        if "others" in said:
            said["others"] = json.loads(said["others"])
        found.append(said)
    return found


def read(
    body: str | bytes, format_: str = "txt", reading: ListReading = AS_FOUND
) -> list[dict[str, Any]]:
    raw = body.encode() if isinstance(body, str) else body
    return told(text_manifests.rows(io.BytesIO(raw), ManifestFormat(format_), reading))


def read_parquet(reading: ListReading = AS_FOUND, **columns: Any) -> list[dict[str, Any]]:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return told(parquet_manifests.rows(out, reading))


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


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
        """ImageNet's fall11_urls.txt (https://github.com/mf1024/ImageNet-Datasets-Downloader)."""
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
        ],
    )
    def test_leaves_signs_in_urls_alone(self, urls: tuple[str, ...]) -> None:
        assert read(lines(*urls)) == [{"url": url} for url in urls]

    def test_costs_an_odd_line_itself_only(self) -> None:
        found = read(lines(f"{A}\ta cat sits", "what is this", B, f"{C}\ta dog sits"))

        assert [row.get("url") for row in found] == [A, "what is this", B, C]


class TestWithHeader:
    @pytest.mark.parametrize("format_", ["txt", "csv"])
    @pytest.mark.parametrize("sign", ["\t", ",", ";", "|"])
    def test_is_split_by_the_sign_in_its_header(self, sign: str, format_: str) -> None:
        """Excel writes `;` where commas are in numbers."""
        body = lines(*(sign.join(row) for row in (("url", "caption"), (A, "x y"), (B, "z"))))

        assert read(body, format_) == [{"url": A, "title": "x y"}, {"url": B, "title": "z"}]

    @pytest.mark.parametrize(
        "name", ["image_url", "URL", "link", "OriginalURL", "Image_URL", "identifier", "img_url"]
    )
    def test_may_call_the_url_otherwise(self, name: str) -> None:
        assert read(f"{name},description\n{A},x\n", "csv") == [{"url": A, "title": "x"}]
        assert read(json.dumps({name: A, "description": "x"})) == [{"url": A, "title": "x"}]
        assert read_parquet(**{name: [A], "description": ["x"]}) == [{"url": A, "title": "x"}]

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
        """https://github.com/gbif/gbif-api/blob/dev/src/main/java/org/gbif/api/vocabulary/Extension.java"""
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


class TestJson:
    ROWS = ({"url": A, "caption": "x", "n": 1}, {"url": B, "caption": None, "n": 2.5})
    WANTED = (
        {"url": A, "title": "x", "others": {"n": 1}},
        {"url": B, "others": {"n": 2.5}},
    )

    @pytest.mark.parametrize("format_", ["txt", "csv", "jsonl", "json"])
    @pytest.mark.parametrize("indent", [None, 2])
    def test_of_an_array(self, indent: int | None, format_: str) -> None:
        assert read(json.dumps(self.ROWS, indent=indent), format_) == list(self.WANTED)

    def test_of_an_array_a_row_a_line(self) -> None:
        body = "[\n" + ",\n".join(map(json.dumps, self.ROWS)) + "\n]\n"

        assert read(body) == list(self.WANTED)

    @pytest.mark.parametrize("indent", [None, 1])
    def test_of_an_array_of_strings(self, indent: int | None) -> None:
        assert read(json.dumps([A, B], indent=indent)) == [{"url": A}, {"url": B}]

    def test_of_pandas_s_columns(self) -> None:
        """https://pandas.pydata.org/docs/reference/api/pandas.DataFrame.to_json.html"""
        columns = {
            name: {str(place): row[name] for place, row in enumerate(self.ROWS)}
            for name in ("url", "caption")
        }

        assert read(json.dumps(columns)) == [{"url": A, "title": "x"}, {"url": B}]

    def test_of_sbu(self) -> None:
        body = {"image_urls": [A, B], "user_ids": ["u1", "u2"], "captions": ["x y", "z"]}

        assert read(json.dumps(body)) == [
            {"url": A, "title": "x y", "others": {"user_ids": "u1"}},
            {"url": B, "title": "z", "others": {"user_ids": "u2"}},
        ]

    @pytest.mark.parametrize("indent", [None, 4])
    def test_of_redcaps(self, indent: int | None) -> None:
        body = {
            "info": {"date_created": "2021-05-21", "url": "https://redcaps.xyz", "year": 2021},
            "annotations": [
                {"image_id": "bpzj7r", "author": "djasz1", "url": A, "caption": "x", "score": 1}
            ],
        }

        assert read(json.dumps(body, indent=indent)) == [
            {
                "url": A,
                "title": "x",
                "creator": "djasz1",
                "others": {"image_id": "bpzj7r", "score": 1},
            }
        ]

    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("is_last", [True, False])
    def test_of_captions_of_coco(self, indent: int | None, is_last: bool) -> None:
        """https://cocodataset.org/#format-data"""
        images = {
            "images": [
                {"license": 3, "coco_url": A, "flickr_url": PAGE, "width": 640, "id": 397133},
                {"license": 9, "coco_url": B, "id": 37777},
            ]
        }
        annotations = {
            "annotations": [
                {"image_id": 397133, "id": 370509, "caption": "A man is in a kitchen."},
                {"image_id": 397133, "id": 370510, "caption": "A man makes pizza."},
            ]
        }
        licences = {
            "licenses": [
                {"url": "http://creativecommons.org/licenses/by-nc-nd/2.0/", "id": 3, "name": "x"}
            ]
        }
        tables = images | annotations if is_last else annotations | images

        first, second, bare = read(
            json.dumps(
                {"info": {"url": "http://cocodataset.org"}} | tables | licences, indent=indent
            )
        )

        assert (first["url"], first["title"]) == (A, "A man is in a kitchen.")
        assert (second["url"], second["title"]) == (A, "A man makes pizza.")
        assert second["licence"] == "http://creativecommons.org/licenses/by-nc-nd/2.0/"
        assert second["others"]["annotation_id"] == 370510
        assert (bare["url"], bare.get("title"), bare["licence"]) == (B, None, "9")

    def test_of_classes_of_coco(self) -> None:
        body = {
            "images": [{"coco_url": A, "id": 1}],
            "annotations": [
                {"image_id": 1, "category_id": 18, "id": 5, "segmentation": [[0.5] * 5_000]}
            ],
            "categories": [{"id": 18, "name": "dog", "supercategory": "animal"}],
        }

        [found] = read(json.dumps(body))

        assert (found["url"], found["keyword"]) == (A, "dog")

    @pytest.mark.parametrize(
        "body", ['[{"url": "%s"}', '[\n{"url": "%s"}\n7]', '[\n{"url": "%s"}\n]]']
    )
    def test_says_where_a_document_is_broken(self, body: str) -> None:
        with pytest.raises(MalformedManifestError, match="The JSON is broken at character"):
            read("\n" + body % A + "\n\n")

    def test_is_read_by_element_where_it_is_larger_than_a_line_may_be(self) -> None:
        rows = [{"url": f"{A}?{n}", "caption": "w" * 1_000} for n in range(9_000)]

        found = read(json.dumps(rows))

        assert [row["url"] for row in found] == [row["url"] for row in rows]

    def test_of_lines_keeps_odd_lines_odd(self) -> None:
        body = lines('{"url": "x",', json.dumps({"url": A}))

        odd, good = read(body, "jsonl")

        assert (odd["url"].split(" is ")[0], good) == ("line 1, column 13", {"url": A})

    def test_may_name_what_is_inside(self) -> None:
        row = {"image": {"url": A, "size": [1, 2]}, "text": "x"}

        [found] = read(json.dumps(row) + "\n", reading=ListReading(url_column="image.url"))

        assert found == {"url": A, "title": "x", "others": {"image": row["image"]}}


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

    def test_says_which_line_ends_in_the_middle_of_a_sign(self) -> None:
        body = (A + "\n").encode("utf-32-le")[:-2]

        with pytest.raises(MalformedManifestError, match="Line 1 is not utf-32-le"):
            read(body, reading=ListReading(encoding="utf-32-le"))


class TestParquet:
    def test_of_spark_has_bytes_for_texts(self) -> None:
        found = read_parquet(
            url=pa.array([A.encode()]),
            caption=pa.array(["é".encode()]),
            tag=pa.array([b"caf\xe9"]),
        )

        assert found == [{"url": A, "title": "é", "others": {"tag": "caf\udce9"}}]

    def test_leaves_pictures_out_unless_they_are_named(self) -> None:
        columns = {"url": [A], "image": pa.array([{"bytes": b"x", "path": "p"}]), "jpg": [b"y"]}

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
        )

        assert found[0]["others"] == {
            "similarity": 0.5, "uid": 2**63, "day": "1970-01-01", "tags": ["a", "b"],
        }  # fmt: skip


class TestColumns:
    def test_that_are_named_must_be_there(self) -> None:
        reading = ListReading(caption_column="alt")

        with pytest.raises(
            MalformedManifestError, match="no column alt; its columns are url, text"
        ):
            read(f"url,text\n{A},x\n", "csv", reading)

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

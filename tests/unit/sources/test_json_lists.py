"""
Lists in JSON, in the shapes in which data sets and tools publish them.

SBU is one object of arrays, RedCaps an object with an array below `annotations`
(https://github.com/rom1504/img2dataset/blob/main/dataset_examples/SBUcaptions.md,
https://github.com/redcaps-dataset/redcaps-downloader).
"""

import json
from typing import Any

import pytest

from crawlset.sources.manifest_columns import MalformedManifestError
from crawlset.wire.searches import ListReading
from tests.unit.sources.lists_read import PAGE, A, B, lines, read


class TestJson:
    ROWS: tuple[dict[str, Any], ...] = (
        {"url": A, "caption": "x", "n": 1},
        {"url": B, "caption": None, "n": 2.5},
    )
    WANTED = (
        {"url": A, "title": "x", "others": {"n": 1}},
        {"url": B, "others": {"n": 2.5}},
    )

    @pytest.mark.parametrize("format_", ["txt", "csv", "jsonl", "json"])
    @pytest.mark.parametrize("indent", [None, 2])
    def test_of_an_array(self, indent: int | None, format_: str) -> None:
        assert read(json.dumps(self.ROWS, indent=indent), format_) == list(self.WANTED)

    @pytest.mark.parametrize("odd", [None, 7, {"note": "of a person"}], ids=json.dumps)
    def test_of_rows_below_a_name_costs_an_odd_one_itself_only(self, odd: Any) -> None:
        found = read(json.dumps({"data": [odd, {"url": A}, {"url": B}]}), "json")

        assert len(found) == 3
        assert [row.get("url") for row in found[1:]] == [A, B]

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

    def test_may_name_what_is_inside_of_rows_below_a_name(self) -> None:
        body = {"data": [{"image": {"url": A}}, {"image": {"url": B}}]}

        found = read(json.dumps(body), reading=ListReading(url_column="image.url"))

        assert [row["url"] for row in found] == [A, B]

    @pytest.mark.parametrize("first", [0, None, "", False])
    def test_of_columns_may_begin_with_nothing(self, first: Any) -> None:
        body = {"n": [first, 1], "url": [A, B]}

        assert [row["url"] for row in read(json.dumps(body))] == [A, B]

    def test_of_columns_may_have_several_captions(self) -> None:
        body = {"url": [A, B], "captions": [["x", "y"], ["z"]]}

        found = read(json.dumps(body))

        assert [(row["url"], row["title"]) for row in found] == [(A, "x"), (A, "y"), (B, "z")]

    @pytest.mark.parametrize("ids", [(None, None), (1, 1)])
    def test_loses_no_image_without_a_number_of_its_own(self, ids: tuple[Any, Any]) -> None:
        body = {"images": [{"id": ids[0], "coco_url": A}, {"id": ids[1], "coco_url": B}]}

        assert {row["url"] for row in read(json.dumps(body))} == {A, B}

    def test_keeps_lists_and_objects_where_a_text_should_be(self) -> None:
        row = {"url": A, "category": ["cat", "dog"], "caption": {"raw": "x"}}

        assert read(json.dumps(row)) == [
            {"url": A, "others": {"category": ["cat", "dog"], "caption": {"raw": "x"}}}
        ]
        assert read(json.dumps(row), reading=ListReading(keep_columns=())) == [{"url": A}]

    @pytest.mark.parametrize("depth", [100, 900])
    def test_keeps_what_is_nested_too_deep_as_its_text(self, depth: int) -> None:
        nested = "[" * depth + "]" * depth

        [found] = read(f'{{"url": "{A}", "x": {nested}}}\n')

        assert found["others"] == {"x": nested}

    @pytest.mark.parametrize("body", ["[%s]", "%s\n", '{"rows": [%s]}'])
    @pytest.mark.parametrize(
        "reading",
        [
            ListReading(url_column="alt"),
            ListReading(sha256_column="alt"),
            ListReading(keep_columns=("caption", "alt")),
        ],
        ids=["url", "sha256", "keep"],
    )
    def test_must_have_columns_that_are_named(self, reading: ListReading, body: str) -> None:
        with pytest.raises(MalformedManifestError, match="no column alt"):
            read(body % json.dumps({"url": A, "caption": "x"}), "jsonl", reading)

    def test_tells_its_columns_where_none_is_known_for_urls(self) -> None:
        with pytest.raises(MalformedManifestError, match=r"are photo, who\. Name it by url"):
            read(json.dumps({"photo": A, "who": "x"}) + "\n")

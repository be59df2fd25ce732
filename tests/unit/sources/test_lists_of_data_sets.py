"""
Lists in files such as data sets and tools have, from their names to their rows.

Each file in `lists` has the columns, signs and nesting of what it is called by; URLs and texts are
made up. Where each shape was seen:

* CC3M, CC12M, SBU: https://github.com/rom1504/img2dataset/tree/main/dataset_examples
* WIT: https://github.com/google-research-datasets/wit/blob/main/DATA.md
* RedCaps: https://github.com/redcaps-dataset/redcaps-downloader
* COCO: https://cocodataset.org/#format-data
* ImageNet: https://github.com/xkumiyu/imagenet-downloader
* Spark's bytes: https://spark.apache.org/docs/latest/sql-data-sources-parquet.html
"""

from pathlib import Path
from typing import Any

import pytest

from crawlset.sources import manifests
from crawlset.sources.protocol import Candidate
from crawlset.wire.searches import ListReading, ManifestFormat
from crawlset_client.url_lists import read_url_list
from tests.unit.sources.conftest import Upload
from tests.unit.sources.lists_read import A, B

FILES = Path(__file__).with_name("lists")
KITTEN = {"url": A, "title": "Kätzchen"}
READINGS = {
    "latin1.csv": ListReading(encoding="iso8859-1"),
    "nested.jsonl": ListReading(url_column="image.url", caption_column="image.alt"),
    "both.csv": ListReading(url_column="url"),
}
WANTED: dict[str, list[dict[str, Any]]] = {
    "cc3m.tsv": [
        {"url": A, "title": 'a "very typical bus station'},
        {"url": B, "title": "sierra looked stunning in this top"},
    ],
    "cc12m.txt": [
        {"url": A, "title": "<PERSON> was the first US president, and ran; twice"},
        {"url": B, "title": '"I am here", he said'},
    ],
    "wit.tsv": [
        {
            "url": A,
            "title": 'A "mounted" skeleton',
            "landing_url": "https://en.example/wiki/Oxydactylus",
            "width": 4660,
            "height": 3111,
            "columns": {
                "language": "en",
                "page_title": "Oxydactylus",
                "original_height": "3111",
                "original_width": "4660",
            },
        }
    ],
    "sbu.json": [
        {"url": A, "title": "Boats on the beach", "columns": {"user_ids": "47889917@N08"}},
        {"url": B, "title": 'A "dog" at sea', "columns": {"user_ids": "35034356@N04"}},
    ],
    "redcaps.json": [
        {
            "url": A,
            "title": "found this guy!",
            "creator": "djasz1",
            "columns": {
                "image_id": "bpzj7r",
                "raw_caption": "Found this guy!",
                "subreddit": 0,
                "score": 72,
            },
        }
    ],
    "coco_captions.json": [
        {
            "url": A,
            "title": f"A restaurant, told for the {number}. time.",
            "licence": "cc-by-nc-nd-2.0",
            "licence_raw": "http://creativecommons.org/licenses/by-nc-nd/2.0/",
            "width": 640,
            "height": 480,
            "columns": {
                "file_name": "COCO_train2014_000000057870.jpg",
                "height": 480,
                "width": 640,
                "date_captured": "2013-11-14 16:28:13",
                "flickr_url": B,
                "id": 57870,
                "license_id": 5,
                "image_id": 57870,
                "annotation_id": 787980 + number,
            },
        }
        for number in range(1, 6)
    ],
    "imagenet.txt": [
        {"url": A, "columns": {"column_1": "n00004475_6590"}},
        {"url": B, "columns": {"column_1": "n00004475_15899"}},
    ],
    "utf16.tsv": [KITTEN],
    "latin1.csv": [KITTEN],
    "excel.csv": [{"url": A, "keyword": "cat", "columns": {"price": "1,5"}}],
    "array.json": [
        {"url": A, "title": "x", "columns": {"n": 0}},
        {"url": B, "columns": {"tags": ["a", "b"]}},
    ],
    "columns.json": [
        {"url": A, "columns": {"n": 0, "tags": ["a"], "exif": {"iso": 100}}},
        {"url": B, "columns": {"n": 1, "exif": {}}},
    ],
    "nested.jsonl": [
        {"url": A, "title": "x", "columns": {"id": 7, "image": {"url": A, "alt": "x"}}}
    ],
    "both.csv": [{"url": B, "title": "x", "columns": {"URL": A}}],
    "headerless.csv": [
        {"url": A, "title": "a cat sits", "columns": {"column_1": "7"}},
        {"url": B, "title": "a dog sits", "columns": {"column_1": "8"}},
    ],
    "packed.csv.zst": [{"url": A, "keyword": "cat"}],
    "spark.parquet": [{"url": A, "title": "é"}],
}


class TestListsOfDataSets:
    @pytest.mark.parametrize("name", sorted(WANTED))
    def test_are_read_as_they_are(self, upload: Upload, name: str) -> None:
        key = upload((FILES / name).read_bytes())
        stated = read_url_list(FILES / name, is_uploaded=True).format

        format_ = ManifestFormat(stated) if stated else None
        manifest = manifests.inspect(key, format_, READINGS.get(name, ListReading()))

        found = [candidate for page in manifests.read(manifest) for candidate in page]
        assert found == [Candidate(**row) for row in WANTED[name]]

    def test_have_all_been_tried(self) -> None:
        assert {path.name for path in FILES.iterdir()} == WANTED.keys()

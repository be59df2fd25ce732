from pathlib import Path
from typing import Any

import pytest

from crawlset.exports.attribution import MARKDOWN, Attributions

ENTRY: dict[str, Any] = {
    "file_name": "train/cat/a.jpg",
    "title": "A cat",
    "creator": "Ida",
    "landing_url": "https://a.test/1",
    "url": "https://a.test/1.jpg",
    "licence": "cc-by-4.0",
    "attribution": None,
    "transform": None,
    "sha256": "00",
    "exported_sha256": "00",
}


def line_of(directory: Path, **entry: Any) -> str:
    attributions = Attributions(directory)
    attributions.add(ENTRY | entry)
    attributions.close()
    (line,) = [
        line
        for line in (directory / MARKDOWN).read_text().splitlines()
        if line.startswith("- train/cat/a.jpg: ")
    ]
    return line.removeprefix("- train/cat/a.jpg: ")


class TestLine:
    @pytest.mark.parametrize(
        ("entry", "begins"),
        [
            ({}, '"A cat" by Ida, source <https://a.test/1>, licence cc-by-4.0'),
            ({"creator": None}, '"A cat", creator unknown, source <https://a.test/1>'),
            ({"title": None}, "untitled by Ida, source"),
            (
                {"title": None, "creator": None, "licence": None, "landing_url": None},
                "untitled, creator unknown, source <https://a.test/1.jpg>, licence unknown",
            ),
        ],
    )
    def test_names_what_is_unknown(
        self, tmp_path: Path, entry: dict[str, Any], begins: str
    ) -> None:
        assert line_of(tmp_path, **entry).startswith(begins)

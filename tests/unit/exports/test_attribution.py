import csv
from pathlib import Path
from typing import Any, ClassVar

import pytest

from crawlset import licences
from crawlset.exports.attribution import CSV, MARKDOWN, MILD_TO_STRICT, Attributions
from crawlset.exports.escaping import plain

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
    "format": "png",
    "width": 30,
    "height": 20,
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


class TestChanges:
    @pytest.mark.parametrize(
        ("original", "transform", "told"),
        [
            # Transcoded, as `Intake.wanted` asks of a format that the job does not name.
            ((30, 20), {"mode": "no", "size": 0}, "stored as png"),
            ((20, 30), {"mode": "no", "size": 0}, "stored as png"),  # turned upright
            ((30, 20), {"mode": "keep_ratio", "size": 64, "only_if_bigger": True}, "stored as png"),
            ((60, 40), {"mode": "keep_ratio", "size": 20}, "resized (keep_ratio, 20 pixels)"),
        ],
    )
    def test_when_it_was_fetched_are_told(
        self, tmp_path: Path, original: Any, transform: dict[str, Any], told: str
    ) -> None:
        before = dict(zip(("width", "height"), original, strict=True))

        line = line_of(tmp_path, transform=transform | {"format": "png", "original": before})

        assert line.endswith(f"changed: {plain(told)} when it was fetched")


class TestTitle:
    def test_is_cut_and_marked_where_it_is_a_text(self, tmp_path: Path) -> None:
        line = line_of(tmp_path, title="A word " * 37_000)

        shown = ("A word " * 29)[:200]
        assert line.startswith(f'"{shown}…" by Ida')
        with (tmp_path / CSV).open(newline="", encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert row["title"] == f"{shown}…"


class TestWhatTheFileSays:
    SAID: ClassVar = {
        "creator": "Bob | <b>",
        "copyright_notice": "(c) Bob",
        "make": "Canon",
        "web_statement": "https://bob.test/",
    }

    def test_stands_beside_what_the_source_says(self, tmp_path: Path) -> None:
        line = line_of(tmp_path, embedded=self.SAID)

        assert line.startswith('"A cat" by Ida, source')
        assert "creator in the file: Bob \\| \\<b\\>" in line
        assert "copyright notice in the file: (c) Bob" in line
        assert "Canon" not in line

    def test_has_columns_of_its_own(self, tmp_path: Path) -> None:
        line_of(tmp_path, creator=None, embedded=self.SAID | {"creator": "=cmd()"})

        with (tmp_path / CSV).open(newline="", encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert (row["creator"], row["embedded_creator"]) == ("", "'=cmd()")
        assert row["embedded_copyright_notice"] == "(c) Bob"
        assert row["embedded_credit_line"] == ""

    @pytest.mark.parametrize("entry", [{}, {"embedded": None}, {"embedded": {"make": "Canon"}}])
    def test_is_not_told_where_it_says_nothing(self, tmp_path: Path, entry: dict[str, Any]) -> None:
        assert "in the file" not in line_of(tmp_path, **entry)


def test_every_family_of_licences_has_its_place_by_strictness() -> None:
    assert set(MILD_TO_STRICT) >= licences.FAMILIES

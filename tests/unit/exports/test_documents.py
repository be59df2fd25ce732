from typing import Any

import pytest

from crawlset.exports.documents import attribution_line, link, plain


class TestPlain:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("A cat", "A cat"),
            (None, "unknown"),
            ("", "unknown"),
            ("a\n# b", "a \\# b"),
            ("[x](javascript:y)", "\\[x\\](javascript:y)"),
            ("<script>", "\\<script\\>"),
            ("a | b", "a \\| b"),
            ("\u202egpj", "gpj"),
            ("a\0b", "a b"),
            ("\u200f", "unknown"),
        ],
    )
    def test_shows_one_line_that_means_nothing(self, text: str | None, shown: str) -> None:
        assert plain(text) == shown

    def test_is_bounded(self) -> None:
        assert len(plain("x" * 10_000)) == 500


class TestLink:
    def test_points_to_a_web_address(self) -> None:
        assert link("https://example.org/a_b?c=d#e") == "<https://example.org/a_b?c=d#e>"

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "https://a/><script>", "https://a/ b", "https://ä/\u202e"]
    )
    def test_is_text_otherwise(self, url: str) -> None:
        assert link(url) == plain(url)


class TestAttributionLine:
    def test_names_title_author_source_and_licence(self) -> None:
        entry: dict[str, Any] = {
            "file_name": "train/cat/a.jpg",
            "title": "Tom",
            "creator": "Ann",
            "landing_url": "https://example.org/tom",
            "url": "https://example.org/tom.jpg",
            "licence": "cc-by-4.0",
            "attribution": None,
        }

        line = attribution_line(entry)

        assert line == (
            '- train/cat/a.jpg: "Tom" by Ann, source <https://example.org/tom>, licence cc-by-4.0\n'
        )

import pytest

from crawlset.exports.escaping import link, plain, spreadsheet


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


class TestSpreadsheet:
    @pytest.mark.parametrize(
        "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
    )
    def test_is_no_formula(self, start: str) -> None:
        assert spreadsheet(f"{start}cmd()") == f"'{start}cmd()"

    @pytest.mark.parametrize(
        ("text", "cell"), [("a=b", "a=b"), ("", ""), (None, ""), ("\0=1", "'=1")]
    )
    def test_is_the_text_otherwise(self, text: str | None, cell: str) -> None:
        assert spreadsheet(text) == cell

import pytest

from crawlset.exports.escaping import link, plain, spreadsheet, whole


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

    def test_is_bounded_and_says_so(self) -> None:
        assert plain("x" * 10_000) == "x" * 500 + "…"
        assert plain("x" * 500) == "x" * 500


class TestWhole:
    def test_shows_all_of_a_long_text(self) -> None:
        assert whole("a\n|b " * 1_000) == " ".join(["a", "\\|b"] * 1_000)


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

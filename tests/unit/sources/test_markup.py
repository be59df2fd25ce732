import pytest

from crawlset.sources.markup import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="//x.org/User:Ada">Ada</a>', "Ada"),
        ("<b>Ada</b> &amp;\n <i>Bob</i>", "Ada & Bob"),
        ("Ada<script>alert(1)</script><style>p{}</style>", "Ada"),
        ("Ada < Bob", "Ada < Bob"),
        ("<p></p>", None),
        ("", None),
        (None, None),
    ],
)
def test_text_of_html(html: str | None, text: str | None) -> None:
    assert text_of(html) == text

"""Text out of the HTML that some sources put into names."""

from html.parser import HTMLParser

MAX_HTML_CHARS = 20_000
_SILENT = frozenset({"script", "style"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._n_silent = 0

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self._n_silent += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._n_silent:
            self._n_silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._n_silent:
            self.pieces.append(data)


def text_of(html: str | None) -> str | None:
    """The words of `html` without its tags, on one line; None if there are none."""
    if html is None:
        return None
    parser = _Text()
    parser.feed(html[:MAX_HTML_CHARS])
    parser.close()
    return " ".join("".join(parser.pieces).split()) or None

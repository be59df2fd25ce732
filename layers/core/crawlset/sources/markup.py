"""
Text out of the HTML that some sources put into names.

Not by `html.parser`: until Python 3.13.6 it takes quadratic time over tags that never end
(https://github.com/python/cpython/issues/135462), and it raises for some broken declarations.
"""

import html
import re

MAX_HTML_CHARS = 20_000
_TAG = re.compile(r"<(?:!--|/?[a-z][^\s/>]*+|[/!?])", re.IGNORECASE)
"""How a tag, a comment or a declaration begins."""
_REST_OF_TAG = re.compile(r"""(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_SILENT = {f"<{name}": re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
"""Elements whose content is no text, and where they end."""
_HUGE_REFERENCE = re.compile(r"&#x?[0-9a-f]{9,};?", re.IGNORECASE)
"""The number of a character that there is not; `html.unescape` raises beyond 4,300 digits."""


def text_of(markup: str | None) -> str | None:
    """
    The words of `markup` without its tags, on one line; None if there are none.

    Takes time in proportion to its length, of which 20,000 characters are read.
    """
    if markup is None:
        return None
    text = _HUGE_REFERENCE.sub("\ufffd", _without_tags(markup[:MAX_HTML_CHARS]))
    return " ".join(html.unescape(text).split()) or None


def _without_tags(markup: str) -> str:
    pieces: list[str] = []
    at = 0
    while tag := _TAG.search(markup, at):
        pieces.append(markup[at : tag.start()])
        at = _end_of(markup, tag)
        if silent := _SILENT.get(tag[0].lower()):
            end = silent.search(markup, at)
            at = end.start() if end else len(markup)
    pieces.append(markup[at:])
    return "".join(pieces)


def _end_of(markup: str, tag: re.Match[str]) -> int:
    """Where what begins with `tag` is over; all of the rest is its own if it never ends."""
    if tag[0] == "<!--":
        end = markup.find("-->", tag.end())
        return end + 3 if end >= 0 else len(markup)
    if rest := _REST_OF_TAG.match(markup, tag.end()):
        return rest.end()
    # A quote that is never closed is none.
    return markup.find(">", tag.end()) + 1 or len(markup)

"""Texts from outside, made to mean nothing where they are shown."""

import re

MAX_TEXT = 500
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&])")
_LINK = re.compile(r"https?://[!-;=?-\[\]-~]+")
"""URL in printable ASCII without `<`, `>` and the backslash."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of formulas; the last four are full-width."""


def plain(text: str | None, otherwise: str = "unknown") -> str:
    """One line of Markdown that shows the beginning of `text` and means nothing; see `whole`."""
    return _without_markup(shorten(_one_line(text or ""), MAX_TEXT)) or otherwise


def whole(text: str) -> str:
    """One line of Markdown that shows `text` and means nothing: no markup, link or control."""
    return _without_markup(_one_line(text))


def shorten(text: str, n: int) -> str:
    """The first `n` characters of `text`, and `…` where there are more."""
    return text if len(text) <= n else f"{text[:n]}…"


def link(url: str) -> str:
    """A link to `url`, or its text if it could be anything else."""
    return f"<{url}>" if _LINK.fullmatch(url) else plain(url)


def spreadsheet(text: str | None) -> str:
    """A cell of CSV that no spreadsheet takes for a formula: one that might be begins with `'`."""
    if text is None:
        return ""
    text = without_nul(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def without_nul(text: str) -> str:
    """The text as readers of CSV take it: several end at a NUL."""
    return text.replace("\0", "")


def _one_line(text: str) -> str:
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def _without_markup(line: str) -> str:
    return _MARKUP.sub(r"\\\1", line)

"""Texts from outside, made to mean nothing where they are shown."""

import re

MAX_TEXT = 500
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&])")
_LINK = re.compile(r"https?://[!-;=?-\[\]-~]+")
"""URL in printable ASCII without `<`, `>` and the backslash."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of formulas; the last four are full-width."""


def plain(text: str | None, otherwise: str = "unknown") -> str:
    """One line of Markdown that shows `text` and means nothing: no markup, link or control."""
    if not text:
        return otherwise
    line = text if text.isprintable() else _unprintable_as_spaces(text)
    return _MARKUP.sub(r"\\\1", " ".join(line.split())[:MAX_TEXT]) or otherwise


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


def _unprintable_as_spaces(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)

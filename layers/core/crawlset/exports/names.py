"""Names of classes and images in an export, made safe from what sources say."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from crawlset.resizing import EXTENSIONS

UNLABELLED = "unlabelled"

_UNSAFE = re.compile(r'[\\/:*?"<>|\s]+')
DIGITS = 12
"""Hexadecimal digits of a digest at the end of a name."""
_DIGESTED = re.compile(rf"(^|[-~])[0-9a-f]{{{DIGITS}}}$")
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d\u00b9\u00b2\u00b3])(\.|$)", re.IGNORECASE
)
"""Names that Windows gives to devices; `ntpath.isreserved` knows the same."""


def class_names(keywords: Iterable[str | None]) -> dict[str | None, str]:
    """
    A class for each keyword, called as it is but for what no file system takes; never cut.

    No two keywords share a class, nor would they where case or Unicode form does not count. Those
    that would are told apart by a digest; so a name depends on the set of keywords, not on their
    order.
    """
    by_identity: dict[str, list[str | None]] = defaultdict(list)
    for keyword in set(keywords):
        by_identity[_identity(_slug(keyword))].append(keyword)
    names: dict[str | None, str] = {}
    for alike in by_identity.values():
        for keyword in alike:
            slug = _slug(keyword)
            is_own = len(alike) == 1 and slug and not _looks_digested(slug)
            names[keyword] = slug if is_own else _with_digest(slug, keyword)
    return names


def digest(text: bytes) -> str:
    """Digits by which a name that is not its own is told apart."""
    return hashlib.sha256(text).hexdigest()[:DIGITS]


def key_of(sha256: bytes) -> str:
    """Name of an image by its stored bytes, the same in every export: 32 hex digits."""
    return sha256.hex()[:32]


def extension(image_format: str | None) -> str:
    return EXTENSIONS.get(image_format or "", "bin")


def _slug(keyword: str | None) -> str:
    """The keyword as one path component; empty if nothing of it can stand in one."""
    if keyword is None:
        return UNLABELLED
    text = _UNSAFE.sub("_", keyword)
    text = "".join(c for c in text if not unicodedata.category(c).startswith("C"))
    text = unicodedata.normalize("NFC", text).strip(". _")
    if _RESERVED.match(text):
        text = f"_{text}"
    return text


def _identity(slug: str) -> str:
    """Key that is equal for names which some file system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", slug).casefold())


def _with_digest(slug: str, keyword: str | None) -> str:
    digits = digest(b"\0" if keyword is None else keyword.encode())
    return f"{slug}-{digits}" if slug else digits


def _looks_digested(slug: str) -> bool:
    """Whether `_with_digest` might make the same name of another keyword."""
    return _DIGESTED.search(_identity(slug)) is not None

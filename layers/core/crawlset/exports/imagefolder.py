"""
The ImageFolder layout: `{split}/{class}/{image}.{extension}` in ZIP archives without compression.

What is between the slashes never is what a source said, but made from it.
"""

import hashlib
import re
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

MAX_FOLDER_BYTES = 100
UNLABELLED = "unlabelled"
EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif"}

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE = 0o100644 << 16
_UNSAFE = re.compile(r'[\\/:*?"<>|\s]+')
_DIGITS = 12
_DIGESTED = re.compile(rf"(^|-)[0-9a-f]{{{_DIGITS}}}$")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
"""Names that Windows gives to devices."""


def class_folders(keywords: Iterable[str | None]) -> dict[str | None, str]:
    """
    A folder for each keyword: one path component, at most 100 bytes, safe on any file system.

    No two keywords share a folder, nor would they where case or Unicode form does not count. Those
    that would are told apart by a digest; so a folder depends on the set of keywords, not on their
    order.
    """
    by_identity: dict[str, list[str | None]] = defaultdict(list)
    for keyword in set(keywords):
        by_identity[_identity(_slug(keyword))].append(keyword)
    folders: dict[str | None, str] = {}
    for alike in by_identity.values():
        for keyword in alike:
            slug = _slug(keyword)
            is_own = len(alike) == 1 and slug and not _looks_digested(slug)
            folders[keyword] = slug if is_own else _with_digest(slug, keyword)
    return folders


def image_name(sha256: bytes, image_format: str | None) -> str:
    """Named after its bytes, so that it is the same file in every export."""
    return f"{sha256.hex()[:32]}.{EXTENSIONS.get(image_format or '', 'bin')}"


class FolderArchive:
    """
    A ZIP written member by member; the same members in the same order give the same bytes.

    Only one member at a time is in memory.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)

    def append(self, name: str, body: bytes) -> None:
        member = zipfile.ZipInfo(name, _NO_TIME)
        member.create_system = _UNIX
        member.external_attr = _REGULAR_FILE
        self._zip.writestr(member, body)

    def close(self) -> None:
        self._zip.close()


def damage_of(path: Path, names: Sequence[str]) -> str | None:
    """What is wrong with an archive that shall hold `names` in this order; none if nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.namelist() != list(names):
                return "its members are not those planned"
            bad = archive.testzip()
    except zipfile.BadZipFile as error:
        return f"it cannot be read: {error}"
    return f"{bad} has another checksum" if bad else None


def _slug(keyword: str | None) -> str:
    """Empty if nothing of the keyword can stand in a name."""
    if keyword is None:
        return UNLABELLED
    text = _UNSAFE.sub("_", keyword)
    text = "".join(c for c in text if not unicodedata.category(c).startswith("C"))
    text = unicodedata.normalize("NFC", text).strip(". _")
    if _RESERVED.match(text):
        text = f"_{text}"
    return _cut(text, MAX_FOLDER_BYTES)


def _identity(slug: str) -> str:
    """Alike for names that some file system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", slug).casefold())


def _with_digest(slug: str, keyword: str | None) -> str:
    seen = b"\0" if keyword is None else keyword.encode()
    digest = hashlib.sha256(seen).hexdigest()[:_DIGITS]
    return f"{_cut(slug, MAX_FOLDER_BYTES - _DIGITS - 1)}-{digest}".lstrip("-")


def _looks_digested(slug: str) -> bool:
    """A keyword of this shape might be what `_with_digest` makes of another."""
    return _DIGESTED.search(_identity(slug)) is not None


def _cut(text: str, n_bytes: int) -> str:
    return text.encode()[:n_bytes].decode(errors="ignore").rstrip(". _")

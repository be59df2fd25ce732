"""Folders of classes: names that file systems take and loaders do not misread."""

import re

from crawlset.exports.names import DIGITS, digest

MAX_BYTES = 255
"""Limit of a name in the usual file systems."""
SPLIT_WORDS = (
    "train", "training", "validation", "valid", "dev", "val", "test", "testing", "eval",
    "evaluation",
)  # fmt: skip
"""Words by which `datasets` finds splits in the names of folders, wherever they are in a path."""

_DELIMITERS = r"\-._ 0-9"
_SPLIT_WORD = re.compile(
    rf"(?<![^{_DELIMITERS}])({'|'.join(SPLIT_WORDS)})(~*)(?![^{_DELIMITERS}])", re.IGNORECASE
)
_VARIABLE = re.compile(r"(\$(?=~*[A-Za-z_{$])|%(?=[^%]*%))(~*)")
"""Where `os.path.expandvars` of POSIX or Windows begins to read a variable, and `~` behind it."""


def folder_name(class_name: str) -> str:
    """
    Name of the folder that holds a class: that of the class, unless it would be misread.

    `~` follows each word that `datasets` takes for a split (`bullet_train~`, `test~-2`) and each
    sign by which it finds a variable (`$~HOME`, `%~PATH%`); a name of more than 255 bytes is cut
    and ends in `~` and a digest. No two classes share one, nor would they where case does not
    count.
    """
    name = _marked(class_name)
    if len(name.encode()) <= MAX_BYTES:
        return name
    start = name.encode()[: MAX_BYTES - DIGITS - 1].decode(errors="ignore")
    return f"{start}~{digest(class_name.encode())}"


def is_cut(class_name: str) -> bool:
    """Whether the class has a longer name than its folder can have."""
    return len(_marked(class_name).encode()) > MAX_BYTES


def _marked(class_name: str) -> str:
    return _VARIABLE.sub(r"\1\2~", _SPLIT_WORD.sub(r"\1\2~", class_name))

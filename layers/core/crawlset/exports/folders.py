"""Folders of classes: names that file systems take and loaders do not misread."""

import hashlib
import re

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
_DIGITS = 12


def folder_name(class_name: str) -> str:
    """
    Name of the folder that holds a class: that of the class, unless it would be misread.

    `~` follows each word that `datasets` takes for a split (`bullet_train~`, `test~-2`); a name of
    more than 255 bytes is cut and ends in `~` and a digest. No two classes share one, nor would
    they where case does not count.
    """
    name = _SPLIT_WORD.sub(r"\1\2~", class_name)
    if len(name.encode()) <= MAX_BYTES:
        return name
    digest = hashlib.sha256(class_name.encode()).hexdigest()[:_DIGITS]
    start = name.encode()[: MAX_BYTES - _DIGITS - 1].decode(errors="ignore")
    return f"{start}~{digest}"


def is_cut(class_name: str) -> bool:
    """Whether the class has a longer name than its folder can have."""
    return len(_SPLIT_WORD.sub(r"\1\2~", class_name).encode()) > MAX_BYTES

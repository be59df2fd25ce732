"""Texts and dates that a file states, in whatever spelling, as they can be stored and shown."""

import codecs
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from crawlset.embedded import MAX_TEXT

LOADED_IN_TIME = codecs.lookup("cp1252"), codecs.lookup("cp932")
"""Codecs that Python would import at need: too late where no file can be opened."""
_MAX_PARTS = 50
_JAPANESE = re.compile(r"[\u3041-\u30fe]|[\u3041-\u30fe\u4e00-\u9fff]{2}")
_PRIVATE = re.compile(r"[\ue000-\uf8ff\uff61-\uff9f]")
"""What text of Western Europe looks like to the Japanese codec: private and half-width letters."""
_DATE = re.compile(
    r"([1-9]\d{3})(?:[:\-/.]?(\d{2})(?:[:\-/.]?(\d{2}))?)?"
    r"(?:[T ]+(\d{2}):?(\d{2})(?::?(\d{2})(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})", re.ASCII)
_SOURCE_TYPE = re.compile(r"(?:^|[/#:])(?!digitalsourcetype/?$)([A-Za-z]{1,60})/?$")


def decoded(text: bytes) -> str:
    """
    Text of a field without a stated encoding.

    EXIF asks for ASCII. Programs write UTF-8, what Windows calls ANSI, or Shift JIS.
    """
    try:
        return text.decode()
    except UnicodeDecodeError:
        pass
    japanese = text.decode("cp932", "ignore")
    if _JAPANESE.search(japanese) and not _PRIVATE.search(japanese):
        return japanese
    return text.decode("cp1252", "replace")


def cleaned(text: str) -> str | None:
    """
    `text` on one line, printable, at most `MAX_TEXT` characters.

    `None` if it says nothing: blanks and punctuation.
    """
    letters = (c if c.isprintable() else _instead(c) for c in text[: 4 * MAX_TEXT])
    words = "".join(letters).replace("\ufffd", " ").split()
    line = " ".join(words)[:MAX_TEXT].rstrip()
    return line if any(map(str.isalnum, line)) else None


def together(parts: Iterable[str]) -> str | None:
    """The parts that say something, `_MAX_PARTS` at most, between semicolons."""
    return cleaned("; ".join(filter(None, map(cleaned, islice(parts, _MAX_PARTS)))))


def address(text: str) -> str | None:
    """A web address as `cleaned`; `None` if it would be cut, for then it is another."""
    return cleaned(text) if len(text.strip()) <= MAX_TEXT else None


def date(text: str) -> str | None:
    """
    A date, with the time of day if there is one, in ISO 8601, as exactly as `text` states it.

    `None` for what is on no calendar, as where a camera's clock was never set. A time of day that
    no clock shows is left out.
    """
    match = _DATE.match(text.replace("\0", " ").strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if not _is_on_calendar(year, month, day):
        return year if month == "00" else None
    if day == "00" or day is None:
        return f"{year}-{month}" if month else year
    stated = f"{year}-{month}-{day}"
    if hour is None or not _is_on_clock(hour, minute, second):
        return stated
    seconds = f":{second}{fraction or ''}" if second else ""
    return f"{stated}T{hour}:{minute}{seconds}{zone(offset or '')}"


def zone(text: str) -> str:
    """An offset from UTC as ISO 8601 has it, such as `+01:00`; empty if `text` is none."""
    text = text.strip("\0 ")
    if text == "Z":
        return text
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:  # noqa: PLR2004
        return ""
    return f"{match[1]}{match[2]}:{match[3]}"


def source_type(text: str) -> str | None:
    """
    The concept at the end of an address of IPTC's vocabulary of digital source types.

    https://cv.iptc.org/newscodes/digitalsourcetype/ has them, such as `trainedAlgorithmicMedia`.
    """
    match = _SOURCE_TYPE.search(text.strip())
    return match[1] if match else None


def _instead(letter: str) -> str:
    """A blank, or for what only formats a text, as joiners and overrides do, nothing."""
    return "" if unicodedata.category(letter) == "Cf" else " "


def _is_on_calendar(year: str, month: str | None, day: str | None) -> bool:
    try:
        datetime(int(year), int(month or 1), int(day or 1) or 1)  # noqa: DTZ001
    except ValueError:
        return False
    return True


def _is_on_clock(hour: str, minute: str, second: str | None) -> bool:
    return hour < "24" and minute < "60" and (second or "00") < "60"

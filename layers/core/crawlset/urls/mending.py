"""
Characters in URLs that browsers mend: blanks, line ends, backslashes and control characters.

Only what stands behind the host is mended (https://url.spec.whatwg.org/#concept-basic-url-parser
does more). Readers disagree about such characters in a scheme or a host, so there they stay, and
the guard refuses them.
"""

import re
from functools import cache
from urllib.parse import quote

from crawlset.urls.guard import MAX_URL_LENGTH, UNSAFE

_ENDS = "".join(map(chr, range(0x21)))
"""C0 controls and the blank."""
_LINE_ENDS = str.maketrans("", "", "\t\r\n")
_HEAD = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}[^/?#]*", re.IGNORECASE)
"""Scheme and host, or a host alone, as a URL or a reference begins with them."""
_PATH = re.compile(r"[^?#]*")
_STRAY_BYTE = re.compile(r"[\udc80-\udcff]")
"""A byte that is no UTF-8, as `surrogateescape` spells it."""


def mend(url: str) -> str:
    """
    Spell a URL, or a reference in a `Location`, as browsers send it.

    Blanks and controls at its ends go, and tabs and line ends behind the host; a backslash in the
    path becomes a slash; what else the guard refuses in a path or query is percent-encoded as
    UTF-8. Everything else stays as it is, and so does what is too long for a URL. Lists of URLs,
    answers of sources, redirects and takedowns are mended so; the guard judges what comes out.
    """
    url = url.strip(_ENDS)
    if len(url) > MAX_URL_LENGTH or not UNSAFE.search(url):
        return url
    plain = url.translate(_LINE_ENDS)
    match = _HEAD.match(plain)
    head = match[0] if match else ""
    if not url.startswith(head):
        return url
    tail = _PATH.sub(lambda path: path[0].replace("\\", "/"), plain[len(head) :], count=1)
    return head + UNSAFE.sub(lambda sign: _escaped(sign[0]), tail)


def mend_location(header: str) -> str:
    """
    Mend a `Location` whose bytes were read as Latin-1.

    Bytes that are no UTF-8 are sent on as they are, percent-encoded.
    """
    text = header.encode("latin-1").decode(errors="surrogateescape")
    return mend(_STRAY_BYTE.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text))


@cache
def _escaped(sign: str) -> str:
    return quote(sign)

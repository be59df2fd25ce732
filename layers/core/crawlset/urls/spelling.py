"""Which texts are addresses that a crawler could ask at all."""

import re
from urllib.parse import urlsplit

MAX_URL_CHARS = 8192

_PLAIN = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:/[!-~]*)?", re.IGNORECASE)
_BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")


def url_problem(url: str) -> str | None:
    """
    Why `url` cannot be the address of an image; None when it can.

    Looks at the text alone. Whether the host may be asked is for the fetcher to decide.
    """
    if len(url) > MAX_URL_CHARS:
        return f"is longer than {MAX_URL_CHARS} characters"
    if _PLAIN.fullmatch(url):
        return None
    if _BLANK_OR_CONTROL.search(url):
        return "has blanks or control characters in it"
    try:
        url.encode()
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"}:
        return "does not start with http:// or https://"
    return None if parts.hostname else "has no host"

"""Hashes that lists state of the files behind their URLs."""

import base64
import binascii
import re

N_BYTES = {"sha256": 32, "md5": 16}
_HEXADECIMAL = re.compile("[0-9a-fA-F]*")
_PREFIX = re.compile("^(sha256|md5)[:-]", re.IGNORECASE)
"""Digests of container images and of subresource integrity (https://www.w3.org/TR/SRI/)."""


def stated_hash(sha256: str | None, md5: str | None) -> str | None:
    """
    `sha256:` or `md5:` and hexadecimal digits; None where neither text is a hash.

    The lists of Open Images have the base64 of an MD5
    (https://storage.googleapis.com/openimages/web/factsfigures_v7.html).
    """
    if sha256 is None and md5 is None:
        return None
    for name, text in (("sha256", sha256), ("md5", md5)):
        if text is not None and (digits := _digits(text, N_BYTES[name])) is not None:
            return f"{name}:{digits}"
    return None


def _digits(text: str, n_bytes: int) -> str | None:
    text = _PREFIX.sub("", text)
    if len(text) == 2 * n_bytes and _HEXADECIMAL.fullmatch(text):
        return text.lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == n_bytes else None

"""One spelling for each host and each URL, whoever wrote it and whether or not it may be asked."""

import re
from functools import lru_cache

from crawlset.urls import guard
from crawlset.urls.mending import mend

_NAME = r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}"
_PLAIN_NAME = re.compile(_NAME)
_PLAIN_URL = re.compile(rf"https?://{_NAME}(?:/[!-\[\]-~]*)?")
_OTHER_PARTS = re.compile(r"[/?#@]")
"""What begins or ends another part of a URL than the host."""
_CACHED_CHARS = 256
"""What is longer is no host, and must not fill the cache of all tenants."""
_PARTS = re.compile(
    r"([a-z][a-z0-9+.-]*:)?//(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^/?#:\[\]]*)(?::([0-9]*))?([^#]*)",
    re.IGNORECASE,
)


def is_url(url: str) -> bool:
    """Whether the fetcher could read `url`; it may still refuse to ask its host."""
    if len(url) <= guard.MAX_URL_LENGTH and _PLAIN_URL.fullmatch(url):
        return True
    try:
        guard.parse_url(url)
    except guard.BlockedUrlError as refusal:
        return not isinstance(refusal, guard.InvalidUrlError)
    return True


def host_of(url: str) -> str:
    """The host of a URL in its one spelling; an empty string if there is none."""
    parts = _PARTS.match(url)
    return plain_host(parts[2]) if parts else ""


def web_host(url: str) -> str:
    """The host of an http or https URL; an empty string for any other."""
    return host_of(url) if url[:8].lower().startswith(("http://", "https://")) else ""


def plain_host(host: str) -> str:
    """`host` as the guard dials it; what it never dials in lower case, without final dots."""
    return _cached_host(host) if len(host) <= _CACHED_CHARS else _plain_host(host)


def read_host(name: str) -> str:
    """The one spelling of a host that somebody wrote; raises `ValueError` for anything else."""
    host = host_of(f"https://{name}/")
    if not host or ":" in name.rpartition("]")[2] or _OTHER_PARTS.search(name):
        message = f"{name!r:.80} is no host; write it without scheme, port and path"
        raise ValueError(message)
    return host


def _plain_host(host: str) -> str:
    if _PLAIN_NAME.fullmatch(host):
        return host
    try:
        return guard.spell_host(host)
    except guard.BlockedUrlError:
        return host.lower().rstrip(".")


_cached_host = lru_cache(maxsize=1 << 15)(_plain_host)


def plain_url(url: str) -> str:
    """`url` without user and fragment, its host in its one spelling: equal for equal addresses."""
    parts = _PARTS.match(mend(url))
    if parts is None:
        return url
    scheme, host, port, rest = parts.groups(default="")
    scheme, rest = scheme.lower(), rest.removesuffix("?")
    suffix = "" if not port or scheme + port in {"http:80", "https:443"} else f":{port}"
    return f"{scheme}//{plain_host(host)}{suffix}{'' if rest.startswith('/') else '/'}{rest}"


def unicode_host(host: str) -> str:
    """`host` with the letters that its `xn--` labels stand for."""
    import idna  # noqa: PLC0415, 50 ms to import, and few hosts need it

    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host

"""
Which URLs may be opened: the one parser and the one judge of every URL and every redirect.

The fetcher gets the parts of a `ParsedUrl`, never the string somebody sent, so that no second
parser can read another host out of it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NamedTuple
from urllib.parse import quote

from crawlset.errors import AppError
from crawlset.outcomes import Outcome
from crawlset.urls.addresses import Address, is_public, parse_address

MAX_URL_LENGTH = 8_192
_LONGEST_HOST = 253
_LARGEST_PORT = 65_535
_MAX_ORIGINS = 1024
PORTS = frozenset({80, 443, 8080, 8443})

Resolve = Callable[[str], Iterable[str]]
"""Every A and AAAA record of a name; raises `OSError` when there is none."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[1-9][0-9]{0,4})?)?")
UNSAFE = re.compile(
    r"[\x00-\x20\x7f-\xa0\\\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]"
)
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_LOCAL_SUFFIXES = frozenset(
    {"localhost", "local", "internal", "localdomain", "onion", "i2p", "arpa"}
)
_PATH_SAFE = "/%:@!$&'()*+,;=-._~[]|"
_QUERY_SAFE = _PATH_SAFE + "?"
_DOTS = {".": ".", "%2e": ".", "..": "..", ".%2e": "..", "%2e.": "..", "%2e%2e": ".."}


class BlockedUrlError(AppError):
    """The guard refuses this URL; `reason` is a short phrase without any part of the URL."""

    outcome: ClassVar[Outcome] = Outcome.blocked_address

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"Refused: {reason}.")


class InvalidUrlError(BlockedUrlError):
    """It is no well-formed http or https URL."""

    outcome = Outcome.invalid_url


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int
    origin: str
    address: Address | None
    is_private: bool


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A URL the guard has read: host in ASCII and lower case, path and query percent-encoded."""

    scheme: str
    host: str
    port: int
    origin: str
    """Scheme, host and port, as a URL begins with them."""
    address: Address | None
    """The address the host spells, None for a name."""
    is_private: bool
    """Let through by name, though it is not public."""
    path: str
    query: str
    url: str

    def join(self, reference: str) -> str:
        """`reference` made absolute against this URL (RFC 3986, section 5.2); not yet judged."""
        if not reference:
            raise InvalidUrlError("empty reference")
        if _SCHEME.match(reference):
            return reference
        if reference.startswith("//"):
            return f"{self.scheme}:{reference}"
        if reference.startswith("/"):
            return self.origin + reference
        if reference.startswith("?"):
            return f"{self.origin}{self.path}{reference}"
        if reference.startswith("#"):
            return self.url
        return f"{self.origin}{self.path.rpartition('/')[0]}/{reference}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the guard says of a URL, and why."""

    allowed: bool
    reason: str


def parse_url(url: str, private_hosts: frozenset[str] = frozenset()) -> ParsedUrl:
    """
    Read `url` and judge everything that needs no look-up.

    `private_hosts` holds exact `host:port` pairs that need be neither public nor on a usual port.
    Raises `BlockedUrlError`.
    """
    if len(url) > MAX_URL_LENGTH:
        raise InvalidUrlError(f"longer than {MAX_URL_LENGTH} characters")
    if UNSAFE.search(url):
        raise InvalidUrlError("control character, space or backslash")
    parts = _URL.fullmatch(url)
    if parts is None:
        raise InvalidUrlError("not an absolute URL")
    origin = _read_origin(parts["scheme"].lower(), parts["authority"], private_hosts)
    try:
        path = quote(_without_dot_segments(parts["path"]), safe=_PATH_SAFE)
        query = quote(parts["query"] or "", safe=_QUERY_SAFE)
    except UnicodeEncodeError:
        raise InvalidUrlError("lone surrogate") from None
    return ParsedUrl(*origin, path, query, f"{origin.origin}{path}{query}")


@lru_cache(maxsize=_MAX_ORIGINS)
def _read_origin(scheme: str, authority: str, private_hosts: frozenset[str]) -> _Origin:
    """The part of a URL that many share, read once for all of them."""
    if scheme not in _DEFAULT_PORTS:
        raise InvalidUrlError("scheme is not http or https")
    parts = _authority(authority)
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if port > _LARGEST_PORT:
        raise InvalidUrlError("malformed host or port")
    spelled = spell_host(parts["host"])
    host = spelled.strip("[]")
    address = parse_address(host)
    is_private = f"{spelled}:{port}" in private_hosts
    if not is_private:
        _refuse_private(host, port, address)
    suffix = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    return _Origin(scheme, host, port, f"{scheme}://{spelled}{suffix}", address, is_private)


def refuse_unless_public(addresses: Iterable[str]) -> None:
    """Raise `BlockedUrlError` unless there are addresses and every one of them is public."""
    n_addresses = 0
    for text in addresses:
        n_addresses += 1
        address = parse_address(text)
        if address is None or not is_public(address):
            raise BlockedUrlError("the name resolves to an address that is not public")
    if not n_addresses:
        raise BlockedUrlError("the name resolves to no address")


def check_url(
    url: str, resolve: Resolve, private_hosts: frozenset[str] = frozenset()
) -> tuple[ParsedUrl, tuple[str, ...]]:
    """
    Judge `url` and its addresses; answer with the only addresses that may be dialled.

    No addresses for a private host let through: the transport finds those by itself.
    Raises `BlockedUrlError`, and what `resolve` raises.
    """
    target = parse_url(url, private_hosts)
    if target.is_private:
        return target, ()
    addresses = (target.host,) if target.address else tuple(resolve(target.host))
    refuse_unless_public(addresses)
    return target, addresses


def explain(
    url: str, resolved: list[str] | None = None, private_hosts: frozenset[str] = frozenset()
) -> Explanation:
    """
    What the guard would say of `url` if its name resolved to `resolved`; looks nothing up.

    Without `resolved` the URL alone is judged.
    """
    try:
        target = parse_url(url, private_hosts)
        if target.is_private:
            return Explanation(allowed=True, reason="a private host that the settings let through")
        if resolved is not None and target.address is None:
            refuse_unless_public(resolved)
            return Explanation(allowed=True, reason="every given address is public")
    except BlockedUrlError as refusal:
        return Explanation(allowed=False, reason=refusal.reason)
    if target.address is not None:
        return Explanation(allowed=True, reason="a public address")
    return Explanation(
        allowed=True, reason="a public name; its addresses are checked when it is dialled"
    )


def _authority(text: str) -> re.Match[str]:
    if not text:
        raise InvalidUrlError("no host")
    if "@" in text:
        raise InvalidUrlError("user information in front of the host")
    if "%" in text:
        raise InvalidUrlError("percent sign in the host")
    authority = _AUTHORITY.fullmatch(text)
    if authority is None:
        raise InvalidUrlError("malformed host or port")
    return authority


def spell_host(text: str) -> str:
    """
    The one spelling of the host that `text` is: lower-case ASCII without a final dot.

    IPv6 stands in brackets. Raises `BlockedUrlError`, also for an IPv4 address in no usual form.
    """
    if text.startswith("["):
        address = parse_address(text[1:-1]) if ":" in text and text.endswith("]") else None
        if address is None:
            raise InvalidUrlError("not an IPv6 address in the brackets")
        return f"[{address.compressed}]"
    if len(text) > _LONGEST_HOST + 1:
        raise InvalidUrlError("malformed host name")
    labels = text.lower().removesuffix(".").split(".")
    if not all(labels):
        raise InvalidUrlError("no host" if labels == [""] else "empty label in the host")
    host = ".".join(label if label.isascii() else _encoded(label) for label in labels)
    if len(host) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, host.split("."))):
        raise InvalidUrlError("malformed host name")
    is_quad = parse_address(host) is not None and not text.endswith(".")
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]) and not is_quad:
        raise BlockedUrlError("number in place of a host name")
    return host


def _encoded(label: str) -> str:
    import idna  # noqa: PLC0415, 50 ms to import, and few hosts need it

    if unicodedata.normalize("NFKC", label).isascii():
        raise BlockedUrlError("host name that turns into ASCII when folded")
    try:
        return idna.alabel(label).decode()
    except idna.IDNAError:
        raise InvalidUrlError("malformed international host name") from None


def _refuse_private(host: str, port: int, address: Address | None) -> None:
    if address is not None:
        if not is_public(address):
            raise BlockedUrlError("address is not public")
    elif host.rpartition(".")[2] in _LOCAL_SUFFIXES:
        raise BlockedUrlError("name of a private network")
    elif "." not in host:
        raise BlockedUrlError("name without a dot")
    if port not in PORTS:
        raise BlockedUrlError("port is not one of 80, 443, 8080 and 8443")


def _without_dot_segments(path: str) -> str:
    """RFC 3986, section 5.2.4: robots.txt must be asked about the path that is really sent."""
    if "." not in path and "%2" not in path:
        return path or "/"
    kept: list[str] = []
    last = ""
    for segment in path.split("/")[1:]:
        last = _DOTS.get(segment.lower(), "")
        if last == "..":
            del kept[-1:]
        elif not last:
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if last and kept else "")

"""Hostile and harmless URLs, a resolver that answers as the vectors want, and every disguise."""

import json
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from crawlset.urls.guard import Resolve

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("ssrf_vectors.json").read_text())
PUBLIC = "93.184.216.34"
PUBLIC_PAGE = "https://first.example.com/a.jpg"

Guard = Callable[[str, Resolve], Iterable[str]]
"""Judges a URL: the addresses that will be dialled for it. Raises `ValueError` to refuse."""
Follow = Callable[[str, str, Resolve], str]
"""The URL that a guard's crawler goes to from a URL by a Location. Raises `ValueError`."""


class FakeDns:
    """The answers of the vectors, one after another; any other name has a public address."""

    def __init__(self) -> None:
        self.n_asked = 0

    def __call__(self, host: str) -> Iterable[str]:
        self.n_asked += 1
        if host.startswith("nxdomain"):
            raise OSError
        answers: list[list[str]] = VECTORS["dns"].get(host, [[PUBLIC]])
        return answers[min(self.n_asked, len(answers)) - 1]


def survivors(guard: Guard, follow: Follow, new_dns: Callable[[], Resolve] = FakeDns) -> set[str]:
    """The ids of the vectors that `guard` gets wrong."""
    wrong = {id_ for id_, _, url, _ in VECTORS["reject"] if _reaches_inside(guard, url, new_dns())}
    for id_, url in VECTORS["accept"]:
        try:
            guard(url, new_dns())
        except ValueError:
            wrong.add(id_)
    for id_, hops, _ in VECTORS["redirect_reject"]:
        if _goes_all_the_way(follow, hops, new_dns()):
            wrong.add(id_)
    return wrong


def _reaches_inside(guard: Guard, url: str, dns: Resolve) -> bool:
    """Whether the URL is let through, unless to no more than the public address it first had."""
    try:
        dialled = tuple(guard(url, dns))
    except ValueError:
        return False
    return dialled != (PUBLIC,) or "rebind" not in url


def _goes_all_the_way(follow: Follow, hops: list[str], dns: Resolve) -> bool:
    current = PUBLIC_PAGE
    seen = {current}
    for location in hops:
        try:
            current = follow(current, location, dns)
        except ValueError:
            return False
        if current in seen:
            return False
        seen.add(current)
    return True


_NOT_PUBLIC_V4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_NOT_PUBLIC_V6 = (
    "::/8",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)


def _addresses_in(network: IPv4Network | IPv6Network) -> st.SearchStrategy[Any]:
    """Any address of the network, its edges often."""
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = type(network.network_address)
    return st.one_of(st.just(first), st.just(last), st.integers(first, last)).map(kind)


IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
PRIVATE_IPV4 = st.one_of([_addresses_in(IPv4Network(network)) for network in _NOT_PUBLIC_V4])
PRIVATE_IPV6 = st.one_of([_addresses_in(IPv6Network(network)) for network in _NOT_PUBLIC_V6])

_WIDE = {ord("0") + n: 0xFF10 + n for n in range(10)}
_ARABIC = {ord("0") + n: 0x0660 + n for n in range(10)}
_CIRCLED = {ord("0") + n: 0x2460 + n - 1 if n else 0x24EA for n in range(10)}

SPELLINGS: dict[str, Callable[[IPv4Address], str]] = {
    "dotted": str,
    "trailing dot": lambda a: f"{a}.",
    "dword": lambda a: str(int(a)),
    "dword overflow": lambda a: str(int(a) + (1 << 32)),
    "hex dword": lambda a: hex(int(a)),
    "octal dword": lambda a: f"0{int(a):o}",
    "dotted hex": lambda a: ".".join(hex(byte) for byte in a.packed),
    "dotted octal": lambda a: ".".join(f"0{byte:o}" for byte in a.packed),
    "mixed": lambda a: f"{a.packed[0]}.{hex(a.packed[1])}.{int(a) & 0xFFFF}",
    "overflow": lambda a: ".".join(str(byte + 256) for byte in a.packed),
    "padded": lambda a: ".".join(f"{byte:03}" for byte in a.packed),
    "short": lambda a: f"{a.packed[0]}.{int(a) & 0xFFFFFF}",
    "three parts": lambda a: f"{a.packed[0]}.{a.packed[1]}.{int(a) & 0xFFFF}",
    "full width": lambda a: str(a).translate(_WIDE),
    "Arabic digits": lambda a: str(a).translate(_ARABIC),
    "circled digits": lambda a: str(a).translate(_CIRCLED),
    "ideographic stops": lambda a: str(a).replace(".", "\u3002"),
    "soft hyphen": lambda a: str(a).replace(".", "\xad.", 1),
    "percent stops": lambda a: str(a).replace(".", "%2e"),
    "percent all over": lambda a: "".join(f"%{ord(sign):02x}" for sign in str(a)),
    "tab inside": lambda a: str(a).replace(".", "\t.", 1),
    "user before": lambda a: f"example.com@{a}",
    "password before": lambda a: f"user:example.com@{a}",
    "no user before": lambda a: f"@{a}",
    "backslash before": lambda a: f"{a}\\@example.com",
    "fragment before": lambda a: f"{a}#@example.com",
    "other scheme's port": lambda a: f"{a}:443",
    "in brackets": lambda a: f"[{a}]",
    "mapped": lambda a: f"[::ffff:{a}]",
    "mapped in hex": lambda a: f"[::ffff:{int(a) >> 16:x}:{int(a) & 0xFFFF:x}]",
    "mapped with zone": lambda a: f"[::ffff:{a}%25lo]",
    "mapped with bare zone": lambda a: f"[::ffff:{a}%lo]",
    "compatible": lambda a: f"[::{a}]",
    "translated": lambda a: f"[::ffff:0:{a}]",
    "nat64": lambda a: f"[64:ff9b::{a}]",
    "local nat64": lambda a: f"[64:ff9b:1::{a}]",
    "6to4": lambda a: f"[{IPv6Address(0x2002 << 112 | int(a) << 80)}]",
    "teredo": lambda a: f"[{IPv6Address(0x20010000 << 96 | ~int(a) & 0xFFFFFFFF)}]",
    "isatap": lambda a: f"[{IPv6Address(0x2606_4700 << 96 | 0x5EFE << 32 | int(a))}]",
    "global isatap": lambda a: f"[{IPv6Address(0x2606_4700 << 96 | 0x0200_5EFE << 32 | int(a))}]",
}
"""How an IPv4 address can be written, or hidden, where a URL has its host."""

SPELLINGS_V6: dict[str, Callable[[IPv6Address], str]] = {
    "compressed": lambda a: f"[{a.compressed}]",
    "exploded": lambda a: f"[{a.exploded}]",
    "upper case": lambda a: f"[{a.compressed.upper()}]",
    "dotted tail": lambda a: f"[{_dotted_tail(a)}]",
    "zone": lambda a: f"[{a}%25eth0]",
    "bare zone": lambda a: f"[{a}%eth0]",
    "without brackets": lambda a: a.compressed,
    "port": lambda a: f"[{a}]:8080",
    "user before": lambda a: f"example.com@[{a}]",
    "trailing dot": lambda a: f"[{a}].",
    "full width": lambda a: f"[{a}]".translate(_WIDE),
    "percent all over": lambda a: "".join(f"%{ord(sign):02x}" for sign in f"[{a}]"),
}


def _dotted_tail(address: IPv6Address) -> str:
    head = address.exploded.split(":")[:6]
    return ":".join([*head, str(ip_address(int(address) & 0xFFFFFFFF))])

"""
Which IP addresses are public.

The tables are our own: `ipaddress.is_global` changes with the Python patch level, and calls
multicast, site-local and several embeddings of private IPv4 addresses global.
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

# IANA special-purpose registry, multicast and class E, and Azure's wire server.
_REFUSED_V4 = tuple(
    (int(network.network_address), int(network.netmask))
    for network in map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)

# IPv6 is allowed by list: global unicast alone, without what embeds or stands for something else.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)
_ISATAP = frozenset({0x0000_5EFE, 0x0100_5EFE, 0x0200_5EFE, 0x0300_5EFE})
"""Upper halves of interface ids that carry an IPv4 address (RFC 5214), whatever the u, g bits."""


def parse_address(text: str) -> Address | None:
    """The address `text` spells canonically; None for short, octal, hexadecimal, zoned forms."""
    kind = IPv6Address if ":" in text else IPv4Address
    if "%" in text or not text.isascii():
        return None
    try:
        return kind(text)
    except AddressValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether `address` is a global unicast host that embeds no other address."""
    if isinstance(address, IPv4Address):
        number = int(address)
        return not any(number & mask == network for network, mask in _REFUSED_V4)
    if address not in _GLOBAL_UNICAST or any(address in network for network in _REFUSED_V6):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP

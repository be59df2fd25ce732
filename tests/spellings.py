"""Hosts, each in the spellings that URLs have for it."""

SPELLINGS = {
    "example.com": ("example.com", "EXAMPLE.com", "example.com.", "Example.COM.:443"),
    "xn--mnchen-3ya.de": (
        "münchen.de",
        "MÜNCHEN.de",
        "münchen.de.",
        "xn--mnchen-3ya.de",
        "XN--MNCHEN-3YA.DE.",
    ),
    "8.8.8.8": ("8.8.8.8", "8.8.8.8:443"),
    "[2606:4700::1111]": (
        "[2606:4700::1111]",
        "[2606:4700:0:0::1111]:443",
        "[2606:4700:0::1111]",
    ),
}
"""Hosts and ports as URLs spell them, by the one spelling that is kept."""

PAIRS = [(spelling, host) for host, spellings in SPELLINGS.items() for spelling in spellings]

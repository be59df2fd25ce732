import pytest

from crawlset.rights.repository import HostContent
from crawlset.rights.summary import ProviderSize, by_domain, n_listed, registrable


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("images.example.co.uk", "example.co.uk"),
        ("upload.wikimedia.org", "wikimedia.org"),
        ("somebody.github.io", "github.io"),
        ("localhost", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_finds_the_domain_somebody_registered(host: str, domain: str) -> None:
    assert registrable(host) == domain


def test_puts_hosts_together_the_largest_domain_first() -> None:
    hosts = [
        HostContent("a.example.org", 1, 10),
        HostContent("b.example.net", 5, 15),
        HostContent("c.example.org.", 2, 20),
        HostContent("münchen.de", 1, 3),
        HostContent("xn--mnchen-3ya.de", 1, 4),
    ]

    domains = by_domain(hosts)

    assert [(domain.domain, domain.n_images, domain.bytes) for domain in domains] == [
        ("example.org", 3, 30),
        ("example.net", 5, 15),
        ("xn--mnchen-3ya.de", 2, 7),
    ]


@pytest.mark.parametrize(
    ("n_domains", "large", "small"), [(0, 0, 0), (1, 1, 1), (95, 10, 5), (100_000, 10_000, 1_000)]
)
def test_lists_as_many_as_the_template_wants(n_domains: int, large: int, small: int) -> None:
    assert n_listed(n_domains, ProviderSize.other) == large
    assert n_listed(n_domains, ProviderSize.sme) == small

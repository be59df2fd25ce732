"""However an address is written, and wherever, only a public one is let through."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import example, given
from hypothesis import strategies as st

from crawlset.urls.addresses import is_public
from crawlset.urls.guard import BlockedUrlError, check_url, parse_url
from tests.unit.fetching.hostile_urls import (
    IPV4,
    PRIVATE_IPV4,
    PRIVATE_IPV6,
    PUBLIC,
    SPELLINGS,
    SPELLINGS_V6,
    FakeDns,
)

PRIVATE_HOSTS = st.one_of(
    st.builds(lambda a, spell: SPELLINGS[spell](a), PRIVATE_IPV4, st.sampled_from([*SPELLINGS])),
    st.builds(
        lambda a, spell: SPELLINGS_V6[spell](a), PRIVATE_IPV6, st.sampled_from([*SPELLINGS_V6])
    ),
)
FORMS = ("http://{}/", "https://{}", "HTTP://{}:80/a.jpg", "http://{}?q", "http://{}#f")
LOCATIONS = (*FORMS, "//{}/", "///{}/", "/\\\\{}/", "http:{}", "http:/{}/", "\\\\{}/")


def dialled(url: str) -> tuple[str, ...]:
    """The addresses that the guard gives for `url`; none when it refuses."""
    with suppress(BlockedUrlError):
        return check_url(url, FakeDns())[1]
    return ()


class TestSpellings:
    @given(IPV4, st.sampled_from([*SPELLINGS]), st.sampled_from(FORMS))
    def test_lead_to_that_address_and_only_when_it_is_public(
        self, address: IPv4Address, spelling: str, form: str
    ) -> None:
        addresses = dialled(form.format(SPELLINGS[spelling](address)))

        assert addresses in {(), (str(address),)}
        assert not addresses or (is_public(address) and address.is_global)

    @given(PRIVATE_HOSTS, st.sampled_from(FORMS))
    def test_of_a_private_address_are_refused(self, host: str, form: str) -> None:
        assert dialled(form.format(host)) == ()

    @given(PRIVATE_HOSTS, st.sampled_from(LOCATIONS))
    def test_of_a_private_address_lead_nowhere_in_a_redirect(
        self, host: str, location: str
    ) -> None:
        start = parse_url("https://first.example.com/a/b.jpg")

        with suppress(BlockedUrlError):
            target, addresses = check_url(start.join(location.format(host)), FakeDns())
            assert target.host == "first.example.com"
            assert addresses == (PUBLIC,)

    @given(st.one_of(PRIVATE_IPV4, PRIVATE_IPV6), st.integers(0, 5), st.integers(0, 5))
    def test_of_a_private_address_are_refused_among_the_answers_of_a_name(
        self, address: IPv4Address | IPv6Address, n_before: int, n_after: int
    ) -> None:
        answers = [PUBLIC] * n_before + [str(address)] + [PUBLIC] * n_after
        try:
            check_url("http://many.example.com/", lambda _: answers)
        except BlockedUrlError:
            return

        raise AssertionError(address)

    @given(PRIVATE_IPV4, st.sampled_from(["%lo", " ", ".", "\0", ":80"]))
    def test_that_no_resolver_should_give_are_refused(
        self, address: IPv4Address, tail: str
    ) -> None:
        try:
            check_url("http://odd.example.com/", lambda _: [f"{address}{tail}"])
        except BlockedUrlError:
            return

        raise AssertionError(address)

    @given(st.one_of(PRIVATE_IPV4, PRIVATE_IPV6))
    @example(ip_address("168.63.129.16"))
    @example(ip_address("fec0::1"))
    def test_do_not_matter_to_the_table(self, address: IPv4Address | IPv6Address) -> None:
        assert not is_public(address)

"""Addresses that are never dialled, and servers that cannot prove who they are."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawlset.outcomes import Outcome
from tests.integration.fetching.chunk_fetch import Fetch, only
from tests.integration.web_server import Web, serve
from tests.unit.imaging import pictures


class TestBlockedAddresses:
    @pytest.mark.parametrize(
        ("location", "outcome"),
        [
            ("http://169.254.169.254/latest/meta-data/", Outcome.blocked_address),
            ("http://127.0.0.1/", Outcome.blocked_address),
            ("//10.0.0.1/", Outcome.blocked_address),
            ("http://web.localhost:1/", Outcome.blocked_address),
            ("file:///etc/passwd", Outcome.invalid_url),
            ("http://user:pass@example.com/", Outcome.invalid_url),
            ("http://exa mple.com/", Outcome.invalid_url),
            ("", Outcome.invalid_url),
        ],
    )
    def test_are_refused_when_a_redirect_names_them(
        self, web: Web, fetch: Fetch, location: str, outcome: Outcome
    ) -> None:
        blocked = only(fetch(web.add("/a.jpg", status=302, Location=location)))

        assert blocked.outcome == outcome
        assert blocked.evidence["redirects"] == [{"status": 302, "to": location}]

    @pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"]])
    def test_are_refused_when_a_name_leads_to_them(
        self, web: Web, fetch: Fetch, answers: list[str]
    ) -> None:
        blocked = only(fetch("http://inside.example.com:8080/a.jpg", resolve=lambda _: answers))

        assert blocked.outcome == Outcome.blocked_address
        assert web.requests == {}

    def test_are_refused_by_the_socket_when_every_other_guard_has_failed(
        self, web: Web, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crawlset.fetching.engine.refuse_unless_public", lambda _: None)

        blocked = only(
            fetch("http://inside.example.com:8080/a.jpg", resolve=lambda _: ["127.0.0.1"])
        )

        assert blocked.outcome == Outcome.blocked_address
        assert blocked.detail == "the address about to be dialled is not public"

    def test_leave_the_rest_of_the_chunk_alone(self, web: Web, fetch: Fetch) -> None:
        result = fetch("http://127.0.0.1/", "nonsense", web.add("/a.jpg", pictures.jpeg()))

        assert result.counts == {"blocked_address": 1, "invalid_url": 1, "stored": 1}

    def test_a_name_that_does_not_resolve_is_a_dns_error(self, fetch: Fetch) -> None:
        asked = []

        def resolve(host: str) -> list[str]:
            asked.append(host)
            raise OSError

        failed = only(fetch("http://gone.example.com/a.jpg", resolve=resolve))

        assert failed.outcome == Outcome.dns_error
        assert asked == ["gone.example.com"] * 3


class TestTls:
    @pytest.fixture
    def secure_web(self, certificate: Path) -> Iterator[Web]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
        with serve(tls) as web:
            yield web

    def test_trusts_no_certificate_of_its_own_signing(self, secure_web: Web, fetch: Fetch) -> None:
        url = secure_web.add("/a.jpg", pictures.jpeg())

        failed = only(fetch(url, private_hosts=secure_web.hosts))

        assert failed.outcome == Outcome.tls_error
        assert secure_web.requests == {}

    def test_trusts_the_authorities_it_is_given_for_the_names_they_vouch_for(
        self, secure_web: Web, fetch: Fetch, certificate: Path
    ) -> None:
        secure_web.add("/a.jpg", pictures.jpeg())
        urls = secure_web.url("/a.jpg"), secure_web.url("/a.jpg", "other")

        result = fetch(*urls, private_hosts=secure_web.hosts, ca_file=str(certificate))

        assert [o.outcome for o in result.outcomes] == [Outcome.stored, Outcome.tls_error]

    def test_is_not_given_up_by_a_redirect(
        self, web: Web, secure_web: Web, fetch: Fetch, certificate: Path
    ) -> None:
        plain = web.add("/a.jpg", pictures.jpeg())
        url = secure_web.add("/a.jpg", status=302, Location=plain)

        blocked = only(
            fetch(url, private_hosts=secure_web.hosts | web.hosts, ca_file=str(certificate))
        )

        assert blocked.outcome == Outcome.blocked_address
        assert web.requests == {}

"""The guard, and three guards that are often written in its place, before the same vectors."""

import socket
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from crawlset.urls.guard import BlockedUrlError, Resolve, check_url, explain, parse_url
from tests.unit.fetching.hostile_urls import VECTORS, FakeDns, survivors


class RefusedError(ValueError):
    """What the guards here raise, whatever they are."""


def guarded(url: str, resolve: Resolve) -> Iterable[str]:
    try:
        return check_url(url, resolve)[1]
    except BlockedUrlError as refusal:
        raise RefusedError from refusal


def follow_guarded(url: str, location: str, resolve: Resolve) -> str:
    try:
        return check_url(parse_url(url).join(location), resolve)[0].url
    except BlockedUrlError as refusal:
        raise RefusedError from refusal


def explained(url: str, resolve: Resolve) -> Iterable[str]:
    """What `check-url` says first of the URL alone, and then of the addresses of its name."""
    if not explain(url).allowed:
        raise RefusedError
    target = parse_url(url)
    addresses = [target.host] if target.address else list(resolve(target.host))
    if not explain(url, addresses).allowed:
        raise RefusedError
    return addresses


class SystemDns(FakeDns):
    """As `getaddrinfo` does it: what the C library reads as an address is one."""

    def __call__(self, host: str) -> Iterable[str]:
        folded = unicodedata.normalize("NFKC", host.replace("\u3002", ".").replace("\xad", ""))
        if folded.removesuffix(".").endswith("localhost"):
            return ["127.0.0.1"]
        with suppress(ValueError):
            return [str(ip_address(folded))]
        try:
            return [socket.inet_ntoa(socket.inet_aton(folded))]
        except (OSError, UnicodeEncodeError, ValueError):
            return super().__call__(host)


class NaiveGuard:
    """A parse with `urlsplit`, a look at the host, and a request that resolves it once more."""

    def __call__(self, url: str, resolve: Resolve) -> Iterable[str]:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RefusedError
        self.judge(parts.hostname, resolve)
        return resolve(parts.hostname)

    def follow(self, url: str, location: str, resolve: Resolve) -> str:
        following = urljoin(url, location)
        self(following, resolve)
        return following

    def judge(self, host: str, resolve: Resolve) -> None:
        raise NotImplementedError


class LiteralGuard(NaiveGuard):
    """Refuses `localhost` and private addresses that are written as such."""

    def judge(self, host: str, resolve: Resolve) -> None:
        try:
            is_private = ip_address(host).is_private
        except ValueError:
            is_private = host == "localhost"
        if is_private:
            raise RefusedError


class PrivateGuard(NaiveGuard):
    """Resolves, and refuses what `ipaddress` calls private."""

    def judge(self, host: str, resolve: Resolve) -> None:
        if any(ip_address(address).is_private for address in resolve(host)):
            raise RefusedError


class GlobalGuard(NaiveGuard):
    """Resolves, and takes what `ipaddress` calls global and not multicast."""

    def judge(self, host: str, resolve: Resolve) -> None:
        for answer in resolve(host):
            address = ip_address(answer)
            if not address.is_global or address.is_multicast:
                raise RefusedError


class TestVectors:
    def test_are_all_told_apart_by_the_guard(self) -> None:
        assert survivors(guarded, follow_guarded) == set()

    def test_are_told_apart_whatever_the_system_reads_as_an_address(self) -> None:
        assert survivors(guarded, follow_guarded, SystemDns) == set()

    def test_are_told_apart_by_what_explains_the_guard(self) -> None:
        assert survivors(explained, follow_guarded) == set()

    @pytest.mark.parametrize(
        ("naive", "n_least", "missed"),
        [
            (LiteralGuard(), 50, {"A16", "B04", "C15", "D07", "D19", "E02", "G15", "H01", "R07"}),
            (PrivateGuard(), 30, {"B04", "C05", "C15", "D12", "E06", "G02", "I03", "R07"}),
            (GlobalGuard(), 25, {"B04", "D12", "E06", "G02", "I03", "R07"}),
        ],
    )
    def test_catch_the_guards_that_are_often_written(
        self, naive: NaiveGuard, n_least: int, missed: set[str]
    ) -> None:
        caught = survivors(naive, naive.follow, SystemDns)

        assert caught >= missed
        assert len(caught) >= n_least

    def test_catch_a_guard_that_refuses_everything(self) -> None:
        def refuse(*_: object) -> Any:
            raise RefusedError

        assert survivors(refuse, refuse) == {id_ for id_, _ in VECTORS["accept"]}

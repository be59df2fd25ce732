"""Failed authentications of an address: so many a minute are answered, the rest is put off."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil

from sqlalchemy.orm import Session

from crawlset.accounts.repository import AccountRepository
from crawlset.errors import TooManyRequestsError

MAX_A_MINUTE = 20
"""Different keys, for the gateway asks once a minute about the same."""
PAUSE = timedelta(minutes=1)
"""How long the gateway keeps an answer, so that it may be another one afterwards."""
KEPT = timedelta(hours=1)
_NETWORK_BITS = 64
"""Whoever has an IPv6 address has a network of these at least (RFC 6177)."""


class FailuresExceededError(TooManyRequestsError):
    def __init__(self, until: datetime) -> None:
        seconds = max(1, ceil((until - datetime.now(UTC)).total_seconds()))
        self.headers = {"Retry-After": str(seconds)}
        super().__init__(f"Too many unknown API keys came from your address; wait {seconds} s.")


def note(session: Session, source_ip: str) -> bool:
    """
    Count a failed authentication; say whether its address has had more than it may this minute.

    What comes beyond that is read and not written, so that nobody makes the database write at will.
    """
    return not AccountRepository(session).count_failure_within(_source(source_ip), MAX_A_MINUTE)


def _source(source_ip: str) -> str:
    """An IPv4 address, or the network of an IPv6 address."""
    address = ip_address(source_ip)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> _NETWORK_BITS << _NETWORK_BITS)}/{_NETWORK_BITS}"
    return str(address)

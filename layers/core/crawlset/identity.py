"""Who we are to the servers we ask, which private hosts a laptop may ask, and whom it trusts."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Crawler:
    contact: str
    private_hosts: frozenset[str] = frozenset()
    ca_file: str | None = None
    """Certificates of the authorities to trust, in place of those that certifi has."""

    @classmethod
    def from_environment(cls) -> Self:
        """Raises `KeyError` if nobody says who answers for us."""
        return cls(os.environ["CONTACT"], private_hosts(), os.environ.get("SSL_CERT_FILE") or None)

    @property
    def user_agent(self) -> str:
        return f"Crawlset/0.1 (+{self.contact})"


def private_hosts() -> frozenset[str]:
    """Exact `host:port` pairs that the guard lets through though they are not public."""
    hosts = os.environ.get("ALLOWED_PRIVATE_HOSTS", "").split(",")
    return frozenset(host.strip() for host in hosts if host.strip())

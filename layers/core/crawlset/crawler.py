"""Who we are to the servers we ask, and which private hosts a laptop may ask."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Crawler:
    contact: str
    private_hosts: frozenset[str] = frozenset()
    """Exact `host:port` pairs that the guard lets through though they are not public."""

    @classmethod
    def from_environment(cls) -> Self:
        """Raises `KeyError` if nobody says who answers for us."""
        hosts = os.environ.get("ALLOWED_PRIVATE_HOSTS", "").split(",")
        return cls(os.environ["CONTACT"], frozenset(h.strip() for h in hosts if h.strip()))

    @property
    def user_agent(self) -> str:
        return f"Crawlset/0.1 (+{self.contact})"

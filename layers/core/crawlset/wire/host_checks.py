"""A look at a host that a user says is theirs, on its way to `deliver`, and what it found."""

from dataclasses import dataclass
from uuid import UUID

from crawlset.wire.record import Versioned


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCheck(Versioned):
    """Asks `deliver` to look whether the host's server answers with the token."""

    host_proof_id: UUID
    attempt: int
    urls: list[str]
    """Asked in turn until a server answers."""
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCheckResult(Versioned):
    """Tells `record` what a check found."""

    host_proof_id: UUID
    attempt: int
    is_proven: bool
    detail: str

"""How much of our time, memory and patience one server may have."""

from dataclasses import dataclass, replace
from typing import Self

from crawlset.wire.chunks import OwnedHost

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps of one chunk. The defaults are the service's; only tests and benches change them."""

    n_transfers: int = 64
    n_per_host: int = 4
    n_redirects: int = 5
    n_retries: int = 2
    """Retries of one URL, in all chunks together."""
    n_header_lines: int = 100
    header_bytes: int = 64 * 1024
    body_bytes: int = 25 * MIB
    policy_bytes: int = 500 * 1024
    """Size limit of a robots.txt or tdmrep.json: what RFC 9309 obliges us to read, and no more."""
    drained_bytes: int = 64 * 1024
    """Bytes read of a body nobody wants, so that its connection can be used again."""
    connect_seconds: float = 5.0
    first_byte_seconds: float = 10.0
    """Until the headers of the answer are complete."""
    total_seconds: float = 30.0
    """Wall clock of one attempt at one URL, with its redirects."""
    slow_bytes_per_second: int = 1024
    slow_seconds: float = 5.0
    small_piece_bytes: int = 64
    """
    Average size of a body's pieces below which it is refused: each costs us as much as a large one.

    A file that some program sends line by line, as if it were a text, comes in pieces of 256 bytes.
    """
    n_small_pieces: int = 1_000
    """Pieces that may be as small as they like."""
    backoff_seconds: float = 1.0
    """Wait before the first retry when the server names none; doubled for the second."""
    retry_after_seconds: float = 20.0
    """The longest pause a host may ask for, or be given, before its URLs leave the chunk."""
    longest_gap_seconds: float = 20.0
    """The longest gap between two requests to a host that a chunk waits out."""
    turn_seconds: float = 120.0
    """The longest a URL waits for its turn when its host wants a gap between requests."""
    crawl_delay_seconds: float = 300.0
    """A Crawl-delay beyond is cut to this."""
    undecoded_bytes: int = 64 * MIB
    """Bodies waiting for a decoder, beyond which no transfer starts."""
    reserve_seconds: float = 20.0
    """Left over of the function's time for the pack, the outcome and the acknowledgement."""
    owned_host: OwnedHost | None = None
    """A host that may be asked faster than `n_per_host` says."""

    def with_owned(self, host: OwnedHost) -> Self:
        """Limits that let `host` have its requests at once; the others keep theirs."""
        n_transfers = max(self.n_transfers, host.per_host)
        return replace(self, owned_host=host, n_transfers=n_transfers)

    def n_at_once(self, host: str) -> int:
        """Requests to `host` at once, at most."""
        if self.owned_host is not None and host == self.owned_host.name:
            return self.owned_host.per_host
        return self.n_per_host

    @property
    def n_most_per_host(self) -> int:
        """Requests at once to whichever host may get the most."""
        return max(self.n_per_host, self.owned_host.per_host if self.owned_host else 0)

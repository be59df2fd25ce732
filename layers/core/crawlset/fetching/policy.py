"""Which wishes of a server a job heeds, and how gently it asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Every signal is heeded unless the job says otherwise."""

    robots: bool = True
    """robots.txt is asked for: Disallow, Crawl-delay and Content-Usage."""
    tdmrep: bool = True
    """/.well-known/tdmrep.json is asked for."""
    x_robots_tag: bool = True
    tdm_reservation: bool = True
    """The header of that name."""
    content_usage: bool = True
    """The header of that name (AIPREF)."""
    xmp_data_mining: bool = True
    """`plus:DataMining` in the file."""
    min_gap_seconds: float = 0.0
    """Between two requests to one host; a longer Crawl-delay wins."""

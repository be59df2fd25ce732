"""
Lay candidates out in chunks, politely.

A host with many candidates gets chunks of its own, in a few lanes: one FIFO group each, so the
queue itself keeps how many fetchers ask that host at once, whatever else is running. All other
candidates share chunks in which each host has only a few.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crawlset.settings import CHUNK_URLS

LANE_URLS = 50
"""More candidates of one host in a part than this, and the host gets chunks of its own."""
LANES_PER_HOST = 2
"""Fetchers that may ask one host at once."""


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """`members` are places in the sequence that was planned."""

    lane: str | None
    members: list[int]


def plan(hosts: Sequence[str], chunk_urls: int = CHUNK_URLS) -> Iterator[PlannedChunk]:
    """
    Chunks that cover each of `hosts` (one entry a candidate) exactly once.

    A lane is `host#n` with n below `LANES_PER_HOST`.
    """
    by_host: dict[str, list[int]] = defaultdict(list)
    for place, host in enumerate(hosts):
        by_host[host].append(place)
    shared = [members for members in by_host.values() if len(members) <= LANE_URLS]
    mixed = list(_take_turns(shared))
    for begin in range(0, len(mixed), chunk_urls):
        yield PlannedChunk(None, mixed[begin : begin + chunk_urls])
    for host, members in by_host.items():
        if len(members) > LANE_URLS:
            for number, begin in enumerate(range(0, len(members), chunk_urls)):
                lane = f"{host}#{number % LANES_PER_HOST}"
                yield PlannedChunk(lane, members[begin : begin + chunk_urls])


def _take_turns(groups: Sequence[list[int]]) -> Iterator[int]:
    """One of each group after the other, so that a chunk holds many hosts."""
    longest = max(map(len, groups), default=0)
    for turn in range(longest):
        for group in groups:
            if turn < len(group):
                yield group[turn]

"""
Lay candidates out in chunks, politely.

A host with many candidates gets chunks of its own, in a few lanes: one FIFO group each, so the
queue itself keeps how many fetchers ask that host at once, whatever else is running. All other
candidates share chunks in which each host has only a few.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crawlset.settings import CHUNK_URLS

LANE_URLS = 50
"""Once a job has more candidates of one host than this, the host gets chunks of its own."""
LANES_PER_HOST = 2
"""Fetchers that may ask one host at once."""
MAX_GROUP_CHARS = 120


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """`members` are places in the sequence that was planned."""

    lane: str | None
    members: list[int]


def plan(
    hosts: Sequence[str], known: Mapping[str, int] | None = None, chunk_urls: int = CHUNK_URLS
) -> Iterator[PlannedChunk]:
    """
    Chunks that cover each of `hosts` (one entry a candidate) exactly once.

    `known` says how many candidates of a host the job has already. A lane is `host#n`, n below
    `LANES_PER_HOST`.
    """
    by_host: dict[str, list[int]] = defaultdict(list)
    for place, host in enumerate(hosts):
        by_host[host].append(place)
    known = known or {}
    busy = {
        host for host, members in by_host.items() if len(members) + known.get(host, 0) > LANE_URLS
    }
    shared = [members for host, members in by_host.items() if host not in busy]
    mixed = list(_take_turns(shared))
    for begin in range(0, len(mixed), chunk_urls):
        yield PlannedChunk(None, mixed[begin : begin + chunk_urls])
    for host in sorted(busy):
        members = by_host[host]
        for number, begin in enumerate(range(0, len(members), chunk_urls)):
            yield PlannedChunk(
                f"{_group(host)}#{number % LANES_PER_HOST}", members[begin : begin + chunk_urls]
            )


def _group(host: str) -> str:
    """The host, or a digest of one that cannot name a group of SQS: ASCII, 128 characters."""
    if host.isascii() and len(host) <= MAX_GROUP_CHARS:
        return host
    return hashlib.sha256(host.encode()).hexdigest()


def _take_turns(groups: Sequence[list[int]]) -> Iterator[int]:
    """One of each group after the other, so that a chunk holds many hosts."""
    longest = max(map(len, groups), default=0)
    for turn in range(longest):
        for group in groups:
            if turn < len(group):
                yield group[turn]

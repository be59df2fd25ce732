"""
Lay candidates out in chunks, politely.

A host with many candidates gets chunks of its own, in a few lanes: one FIFO group each, so the
queue itself keeps how many fetchers ask that host at once, whatever else is running. A host that
is owned has one lane, so that one fetcher at a time makes all the requests it may get at once. All
other candidates share chunks in which each host has only a few.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from crawlset.settings import CHUNK_URLS

LANE_URLS = 50
"""Once a job has more candidates of one host than this, the host gets chunks of its own."""
LANES_PER_HOST = 2
"""Fetchers that may ask one host at once."""
OWNED_CHUNK_URLS = 1_000
"""URLs in one chunk of an owned host: while a chunk begins or ends few requests are under way."""
MAX_GROUP_CHARS = 120


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """`members` are places in the sequence that was planned."""

    lane: str | None
    members: list[int]
    per_host: int | None = None
    """Requests at once to the host of a lane, if it is owned."""


def plan(
    hosts: Sequence[str],
    known: Mapping[str, int] | None = None,
    per_host: Mapping[str, int] | None = None,
) -> Iterator[PlannedChunk]:
    """
    Chunks that cover each of `hosts` (one entry a candidate) exactly once.

    `known` says how many candidates of a host the job has already, `per_host` how many requests at
    once an owned host may get. A lane is `host#n`, n below `LANES_PER_HOST`.
    """
    by_host: dict[str, list[int]] = defaultdict(list)
    for place, host in enumerate(hosts):
        by_host[host].append(place)
    known = known or {}
    per_host = per_host or {}
    busy = {
        host
        for host, members in by_host.items()
        if host in per_host or len(members) + known.get(host, 0) > LANE_URLS
    }
    shared = [members for host, members in by_host.items() if host not in busy]
    mixed = list(_take_turns(shared))
    for members in batched(mixed, CHUNK_URLS):
        yield PlannedChunk(None, [*members])
    for host in sorted(busy):
        owned = per_host.get(host)
        size, n_lanes = (CHUNK_URLS, LANES_PER_HOST) if owned is None else (OWNED_CHUNK_URLS, 1)
        for number, members in enumerate(batched(by_host[host], size)):
            yield PlannedChunk(f"{_group(host)}#{number % n_lanes}", [*members], owned)


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

"""
Lay candidates out in chunks, politely.

A host with many candidates is asked in lanes, which it shares with others: a lane is one FIFO
group, so the queue itself keeps how many fetchers ask a host at once, whatever else is running. A
host that is owned has a lane for the jobs that say so, in which one fetcher at a time makes all
the requests it may get at once. All other candidates share chunks in which each host has a few.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from crawlset.settings import CHUNK_URLS

LANE_URLS = 50
"""Once a job has more candidates of one host than this, the host is asked in lanes."""
LANES_PER_HOST = 2
"""Fetchers that may ask one host at once."""
HOSTS_PER_LANE = 16
"""Hosts that share a lane: with four requests to each at once a fetcher has all its 64."""
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


def busy_hosts(hosts: Iterable[str], known: Mapping[str, int], most: int = LANE_URLS) -> list[str]:
    """
    The hosts with so many candidates that they are asked in lanes, those with the most first.

    `hosts` has one entry a candidate; `known` says how many the job has already of a host; with
    more than `most` of both it is asked in lanes.
    """
    counts = Counter(hosts)
    busy = (host for host, n in counts.items() if n + known.get(host, 0) > most)
    return sorted(busy, key=lambda host: (-counts[host], host))


def share_lanes(hosts: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    """
    The lead of each of `hosts`, which has had none.

    They fill up the `places` of leads that have some left. What remains gets as few leads of its
    own as will do, each with about as many hosts, and with as many large ones if the largest come
    first.
    """
    leads = [lead for lead, n in places.items() for _ in range(n)][: len(hosts)]
    others = hosts[len(leads) :]
    n_new = -(-len(others) // HOSTS_PER_LANE)
    leads += [others[place % n_new] for place in range(len(others))]
    return dict(zip(hosts, leads, strict=True))


def plan(
    hosts: Sequence[str], leads: Mapping[str, str], per_host: Mapping[str, int]
) -> Iterator[PlannedChunk]:
    """
    Chunks that cover each of `hosts` (one entry a candidate) exactly once.

    `leads` has the lead of each host that is asked in lanes, `per_host` how many requests at once
    an owned host may get. A lane is `lead#n`, n below `LANES_PER_HOST`, or `host#owned`.
    """
    by_host: dict[str, list[int]] = defaultdict(list)
    for place, host in enumerate(hosts):
        by_host[host].append(place)
    by_lead: dict[str | None, list[list[int]]] = defaultdict(list)
    for host, members in by_host.items():
        if host not in per_host:
            by_lead[leads.get(host)].append(members)
    for part in batched(_take_turns(by_lead.pop(None, [])), CHUNK_URLS):
        yield PlannedChunk(None, [*part])
    for host, owned in sorted(per_host.items()):
        for part in batched(by_host.get(host, []), OWNED_CHUNK_URLS):
            yield PlannedChunk(f"{_group(host)}#owned", [*part], owned)
    for lead in sorted(filter(None, by_lead)):
        for number, part in enumerate(batched(_take_turns(by_lead[lead]), CHUNK_URLS)):
            yield PlannedChunk(f"{_group(lead)}#{number % LANES_PER_HOST}", [*part])


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

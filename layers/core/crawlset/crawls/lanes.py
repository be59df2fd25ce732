"""The lanes in which a host with many candidates is asked: the same for every job."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from crawlset.crawls.planner import HOSTS_PER_LANE, LANE_URLS, busy_hosts, share_lanes
from crawlset.crawls.repository import LaneRepository


def leads(
    session: Session, hosts: Sequence[str], known: Mapping[str, int], most: int = LANE_URLS
) -> dict[str, str]:
    """
    The lead of each of `hosts` that has so many candidates that it is asked in lanes.

    `hosts`, `known` and `most` are those of `busy_hosts`. A host that had none is given one for
    good, of hosts that are busy with it if they have places left.
    """
    busy = busy_hosts(hosts, known, most)
    if not busy:
        return {}
    repository = LaneRepository(session)
    found = repository.leads(busy)
    new = [host for host in busy if host not in found]
    if not new:
        return found
    members = repository.count_members(set(found.values()))
    places = {lead: max(0, HOSTS_PER_LANE - n) for lead, n in members.items()}
    repository.add(share_lanes(new, places))
    return found | repository.leads(new)

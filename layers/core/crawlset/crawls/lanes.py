"""The lanes in which a host with many candidates is asked: the same for every job."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from crawlset.crawls import owned_hosts
from crawlset.crawls.planner import HOSTS_PER_LANE, busy_hosts, share_lanes
from crawlset.crawls.repository import LaneRepository


def leads(
    session: Session, hosts: Sequence[str], known: Mapping[str, int], per_host: Collection[str]
) -> dict[str, str]:
    """
    The lead of each of `hosts` that is asked in lanes: for its many candidates, or as it is owned.

    A host that had none is given one for good, of hosts that are busy with it if they have places
    left. One that the deployment owns leads itself, so that a job may ask it faster.
    """
    busy = busy_hosts(hosts, known)
    busy += sorted(set(per_host).intersection(hosts).difference(busy))
    owned = owned_hosts.of_deployment() if busy else frozenset()
    found = {host: host for host in busy if host in owned}
    others = [host for host in busy if host not in found]
    if others:
        found |= _shared(session, others)
    return found


def _shared(session: Session, hosts: Sequence[str]) -> dict[str, str]:
    repository = LaneRepository(session)
    found = repository.leads(hosts)
    new = [host for host in hosts if host not in found]
    if not new:
        return found
    members = repository.count_members(set(found.values()))
    places = {lead: max(0, HOSTS_PER_LANE - n) for lead, n in members.items()}
    repository.add(share_lanes(new, places))
    return found | repository.leads(new)

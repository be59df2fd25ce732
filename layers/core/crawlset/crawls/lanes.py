"""The lanes in which a host with many candidates is asked: the same for every job."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from crawlset.crawls import owned_hosts
from crawlset.crawls.planner import HOSTS_PER_LANE, busy_hosts, share_lanes
from crawlset.models import LaneHost


def leads(session: Session, hosts: Sequence[str], known: Mapping[str, int]) -> dict[str, str]:
    """
    The lead of each of `hosts` that has so many candidates that it is asked in lanes.

    A host that had none is given one for good, of hosts that are busy with it if they have places
    left. One that the deployment owns leads itself, so that a job may ask it faster.
    """
    busy = busy_hosts(hosts, known)
    owned = owned_hosts.of_deployment() if busy else frozenset()
    found = {host: host for host in busy if host in owned}
    others = [host for host in busy if host not in found]
    if others:
        found |= _shared(session, others)
    return found


def _shared(session: Session, hosts: Sequence[str]) -> dict[str, str]:
    found = _known(session, hosts)
    new = [host for host in hosts if host not in found]
    if not new:
        return found
    given = share_lanes(new, _places(session, set(found.values())))
    rows = [{"host": host, "lead": given[host]} for host in sorted(given)]
    session.execute(insert(LaneHost).on_conflict_do_nothing(), rows)
    return found | _known(session, new)


def _known(session: Session, hosts: Sequence[str]) -> dict[str, str]:
    rows = session.execute(select(LaneHost.host, LaneHost.lead).where(LaneHost.host.in_(hosts)))
    return {host: lead for host, lead in rows}  # noqa: C416 - rows are no pairs to mypy


def _places(session: Session, leads: set[str]) -> dict[str, int]:
    """How many more hosts each of `leads` has room for."""
    if not leads:
        return {}
    of_lead = select(LaneHost.lead, func.count()).where(LaneHost.lead.in_(leads))
    rows = session.execute(of_lead.group_by(LaneHost.lead).order_by(LaneHost.lead))
    return {lead: max(0, HOSTS_PER_LANE - n) for lead, n in rows}

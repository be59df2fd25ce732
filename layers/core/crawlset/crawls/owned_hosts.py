"""Which hosts a job may ask faster than others, and how many requests at once each of them gets."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.errors import UnprocessableError
from crawlset.hosts.repository import HostProofRepository
from crawlset.models import CrawlJob
from crawlset.settings import owned_host_settings
from crawlset.urls.spelling import plain_host


def check(session: Session, user_id: UUID, per_host: Mapping[str, int]) -> None:
    """Raise `UnprocessableError` for the first host that nobody has shown to be theirs."""
    owned = _owned(session, user_id, per_host)
    for host in per_host:
        if host not in owned:
            raise UnprocessableError(
                f"This deployment does not own {host}, and you have not proven that you do, so the"
                " host is asked no faster than any other. Leave it out, prove it (`crawlset hosts"
                f" prove {host}`), or have whoever runs the deployment name it in OwnedHosts.",
                f"/per_host/{host}",
            )


def allowed(session: Session, job: CrawlJob) -> dict[str, int]:
    """Requests at once by host, of the hosts that the job names and that are still owned."""
    wanted: dict[str, int] = job.policy.get("per_host", {})
    owned = _owned(session, job.user_id, wanted)
    return {host: n for host, n in wanted.items() if host in owned}


def _owned(session: Session, user_id: UUID, hosts: Collection[str]) -> frozenset[str]:
    """What of `hosts` the deployment owns, or the user has proven to own."""
    if not hosts:
        return frozenset()
    owned = frozenset(map(plain_host, owned_host_settings().names)).intersection(hosts)
    if others := set(hosts) - owned:
        owned |= HostProofRepository(session).proven(user_id, others)
    return owned

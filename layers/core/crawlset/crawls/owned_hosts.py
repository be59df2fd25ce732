"""Which hosts a job may ask faster than others, and how many requests at once each of them gets."""

from collections.abc import Mapping

from crawlset.errors import UnprocessableError
from crawlset.models import CrawlJob
from crawlset.settings import owned_host_settings
from crawlset.urls.spelling import plain_host


def check(per_host: Mapping[str, int]) -> None:
    """Raise `UnprocessableError` for the first host that the deployment does not own."""
    owned = of_deployment()
    for host in per_host:
        if host not in owned:
            raise UnprocessableError(
                f"This deployment does not own {host}, so the host is asked no faster than any"
                " other. Leave it out, or have whoever runs the deployment name it in OwnedHosts.",
                f"/per_host/{host}",
            )


def allowed(job: CrawlJob) -> dict[str, int]:
    """Requests at once by host, of the hosts that the job names and the deployment still owns."""
    wanted: dict[str, int] = job.policy.get("per_host", {})
    owned = of_deployment() if wanted else frozenset()
    return {host: n for host, n in wanted.items() if host in owned}


def of_deployment() -> frozenset[str]:
    """The hosts that the deployment owns, each in its one spelling."""
    return frozenset(map(plain_host, owned_host_settings().names))

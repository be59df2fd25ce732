"""
The Python client: an attribute a resource, a method a route.

    with Crawlset("http://127.0.0.1:8480", key) as crawlset:
        project = crawlset.projects.create("cats")
        job = crawlset.jobs.create(project.id, "cats", keywords=["cat"], sources=["sample"])

Methods that list give every item, page by page, as they are iterated.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from crawlset_client.api.account import Account, Keys
from crawlset_client.api.connection import Connection
from crawlset_client.api.exports import Exports
from crawlset_client.api.hosts import Hosts
from crawlset_client.api.images import Images
from crawlset_client.api.jobs import Jobs
from crawlset_client.api.projects import Projects, Sources, Uploads
from crawlset_client.api.schedules import Schedules, Templates
from crawlset_client.api.takedowns import Takedowns
from crawlset_client.api.validations import Validations
from crawlset_client.api.webhooks import Webhooks
from crawlset_client.calls import Sleep
from crawlset_client.errors import CrawlsetError
from crawlset_client.models import Health

if TYPE_CHECKING:
    import httpx


class Crawlset:
    """
    The service at `api_url` (without `/api`), asked with `api_key`; a context manager.

    Every method raises `CrawlsetError`: `ApiError` when the service refuses, `NotRunningError`
    when nothing answers. Calls are sent again after 429 and 503; those that create carry an
    Idempotency-Key, so that a repetition creates nothing twice.
    """

    def __init__(
        self,
        api_url: str,
        api_key: str | None,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.connection = Connection(api_url, api_key, transport=transport, sleep=sleep)
        self.projects = Projects(self.connection)
        self.uploads = Uploads(self.connection)
        self.jobs = Jobs(self.connection)
        self.images = Images(self.connection)
        self.validations = Validations(self.connection)
        self.exports = Exports(self.connection)
        self.takedowns = Takedowns(self.connection)
        self.templates = Templates(self.connection)
        self.schedules = Schedules(self.connection)
        self.webhooks = Webhooks(self.connection)
        self.hosts = Hosts(self.connection)
        self.sources = Sources(self.connection)
        self.account = Account(self.connection)
        self.keys = Keys(self.connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    def get_health(self) -> Health:
        return self.connection.get(Health, "health")

    def is_up(self) -> bool:
        """Whether Crawlset answers at this address."""
        try:
            self.get_health()
        except CrawlsetError:
            return False
        return True

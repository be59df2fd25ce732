"""What the invariants look at: rows, the bucket, and what the API shows."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import httpx

from tests.chaos.inventory import Inventory
from tests.chaos.memory import Memory, Tenant
from tests.chaos.world import World


class View:
    """The world at one moment; what is `left` is not at rest."""

    def __init__(self, world: World, left: dict[str, int]) -> None:
        self.world = world
        self.left = left
        self.inventory = Inventory(world)

    @property
    def memory(self) -> Memory:
        return self.world.memory

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.world.rows(statement, *parameters)

    @cached_property
    def jobs(self) -> list[dict[str, Any]]:
        """Every job of the tenants, as the API shows it."""
        return [
            shown
            for tenant in self.memory.tenants
            for shown in self._ask(
                tenant,
                *(
                    f"/api/projects/{row['project']}/crawl-jobs/{row['id']}"
                    for row in self.rows(
                        "SELECT j.id::text, j.project_id::text AS project FROM crawl_jobs j"
                        " JOIN projects p ON p.id = j.project_id WHERE j.user_id = %s"
                        " AND j.deleted_at IS NULL AND p.deleted_at IS NULL",
                        tenant.profile_id,
                    )
                ),
            )
        ]

    def usages(self) -> Iterator[tuple[Tenant, int]]:
        """The bytes that each tenant is told to have stored."""
        for tenant in self.memory.tenants:
            (profile,) = self._ask(tenant, "/api/profile")
            yield tenant, profile["usage"]["stored_bytes"]

    def _ask(self, tenant: Tenant, *paths: str) -> list[Any]:
        headers = {"Authorization": f"Bearer {tenant.key}"}
        with httpx.Client(base_url=self.world.cloud.api_url, headers=headers, timeout=60) as client:
            return [client.get(path).raise_for_status().json() for path in paths]

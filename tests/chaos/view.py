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
    def _jobs(self) -> list[dict[str, Any]]:
        shown = []
        for row in self.rows(
            "SELECT j.id::text, j.project_id::text AS project, j.user_id::text FROM crawl_jobs j"
            " JOIN projects p ON p.id = j.project_id"
            " WHERE j.deleted_at IS NULL AND p.deleted_at IS NULL"
        ):
            tenant = next((t for t in self.memory.tenants if t.profile_id == row["user_id"]), None)
            if tenant is not None:
                path = f"/api/projects/{row['project']}/crawl-jobs/{row['id']}"
                shown.append(self._ask(tenant, path))
        return shown

    def jobs(self) -> list[dict[str, Any]]:
        """Every job of the tenants, as the API shows it."""
        return self._jobs

    def usages(self) -> Iterator[tuple[Tenant, int]]:
        """The bytes that each tenant is told to have stored."""
        for tenant in self.memory.tenants:
            yield tenant, self._ask(tenant, "/api/profile")["usage"]["stored_bytes"]

    def _ask(self, tenant: Tenant, path: str) -> Any:
        answer = httpx.get(
            self.world.cloud.api_url + path,
            headers={"Authorization": f"Bearer {tenant.key}"},
            timeout=60,
        )
        return answer.raise_for_status().json()

"""Two users, every route: what is the other's looks like what is not there."""

import json
import re
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import (
    Base,
)
from functions.api import app
from tests.integration.tenants import CRAWL, Tenant, furnish

pytestmark = pytest.mark.usefixtures("bucket", "queues", "sample_source")

UNKNOWN_IMAGE = 2**62
TAKEDOWN = {"kind": "host", "value": "example.org"}
PATHS = json.loads(app.document())["paths"]
OF_ANOTHER_FUNCTION = "/nearest-images"
"""Ends a route that asks for a query; tests/integration/finding shows what it says to others."""
ROUTES = [
    (path, method)
    for path, methods in PATHS.items()
    if "{" in path and not path.endswith(OF_ANOTHER_FUNCTION)
    for method in methods
]
TENANT_TABLES = [
    mapper.class_
    for mapper in Base.registry.mappers
    if "user_id" in mapper.columns and mapper.class_.__tablename__ != "request_counts"
]

WITHOUT_POLICIES = {
    "alembic_version": "one number; the owner's alone",
    "event_cursors": "how far the tick has published; the tick's alone",
    "folder_removals": "folders of jobs that are gone, which triggers note; the tick's alone",
}
"""Tables that no caller's role may touch, and why they do without row-level security."""
OF_NOBODY = {
    "failed_authentications": "addresses that showed keys which are no tenant's",
    "lane_hosts": "hosts that were ever busy, without who asks them",
}
"""Tables whose rows have no tenant, and what they hold."""


@pytest.fixture
def owner(session: Session) -> Tenant:
    return furnish(session)


@pytest.fixture
def other(session: Session) -> Tenant:
    return furnish(session)


def body_for(path: str, method: str, ids: dict[str, str]) -> Any:
    """A body that the route would take from the owner."""
    if method not in {"post", "patch"}:
        return None
    bodies: dict[str, Any] = {
        "crawl-schedules": {
            "name": "hourly",
            "template_id": ids["template_id"],
            "cron": "0 * * * *",
        },
        "job-templates": {"name": "weekly", "configuration": CRAWL},
        "crawl-jobs": CRAWL,
        "estimate": CRAWL,
        "takedowns": TAKEDOWN,
        "preview": TAKEDOWN,
        "uploads": {"file_size": 1},
        "{webhook_id}": {"is_enabled": True},
    }
    return bodies.get(path.rpartition("/")[2], {"name": "mine"} if method == "patch" else {})


def told(path: str, ids: dict[str, str], answer: tuple[int, Any]) -> tuple[int, str]:
    """Status and body, with the names of ids in place of the ids."""
    status, body = answer
    text = json.dumps(body, sort_keys=True)
    for name in re.findall(r"{(\w+)}", path):
        text = re.sub(rf"\b{re.escape(ids[name])}\b", f"<{name}>", text)
    return status, text


class TestRoutes:
    @pytest.mark.parametrize(("path", "method"), ROUTES)
    def test_show_the_other_s_as_unknown(
        self, owner: Tenant, other: Tenant, path: str, method: str
    ) -> None:
        unknown = {name: str(new_id()) for name in owner.ids} | {"image_id": str(UNKNOWN_IMAGE)}
        asked = [owner.ids, unknown]

        theirs, nobody_s = (
            told(
                path,
                ids,
                other.api.call(method.upper(), path.format(**ids), body_for(path, method, ids)),
            )
            for ids in asked
        )

        assert theirs == nobody_s
        assert theirs[0] == 404

    @pytest.mark.parametrize(
        ("path", "method"),
        [(path, method) for path, method in ROUTES if path.count("{") > 1],
    )
    def test_show_nothing_of_the_other_s_below_one_s_own_project(
        self, owner: Tenant, other: Tenant, path: str, method: str
    ) -> None:
        ids = owner.ids | {"project_id": other.ids["project_id"]}

        status, _ = other.api.call(method.upper(), path.format(**ids), body_for(path, method, ids))

        assert status == 404

    def test_use_nothing_of_the_other_s_by_a_field(self, owner: Tenant, other: Tenant) -> None:
        project = f"/api/projects/{other.ids['project_id']}"
        job = f"{project}/crawl-jobs/{other.ids['job_id']}"
        fields = [
            (f"{job}/export-jobs", {"validation_job_id": owner.ids["validation_job_id"]}),
            (
                f"{project}/crawl-schedules",
                {"name": "x", "template_id": owner.ids["template_id"], "cron": "0 * * * *"},
            ),
            (f"{project}/job-templates", {"name": "x", "crawl_job_id": owner.ids["job_id"]}),
        ]

        for path, body in fields:
            assert other.api.call("POST", path, body)[0] == 404, path

    @pytest.mark.parametrize("path", [path for path in PATHS if "{" not in path])
    def test_list_only_one_s_own(self, owner: Tenant, other: Tenant, path: str) -> None:
        if "get" not in PATHS[path]:
            return

        _, body = other.api.call("GET", path)

        shown = json.dumps(body)
        unmistakable = set(owner.ids.values()) - {owner.ids["image_id"]}
        assert [id_ for id_ in unmistakable if id_ in shown] == []


class TestRowLevelSecurity:
    @pytest.mark.parametrize("model", TENANT_TABLES, ids=lambda model: model.__tablename__)
    def test_shows_nothing_of_the_other_s_without_any_filter(
        self, owner: Tenant, other: Tenant, model: Any
    ) -> None:
        for tenant in (owner, other):
            with db.transaction(tenant.profile.id) as session:
                owners = set(session.scalars(select(model.user_id)))

            assert owners == {tenant.profile.id}

    def test_is_forced_on_every_table_but_those_that_no_caller_s_role_may_touch(
        self, connection: Connection
    ) -> None:
        unforced = connection.scalars(
            text("""
                SELECT relname FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                    AND NOT (relrowsecurity AND relforcerowsecurity)
            """)
        )

        assert set(unforced) == {*WITHOUT_POLICIES, *OF_NOBODY}

    @pytest.mark.parametrize("table", WITHOUT_POLICIES)
    @pytest.mark.parametrize("role", ["crawlset_api", "crawlset_worker"])
    @pytest.mark.parametrize("privilege", ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"])
    def test_is_needed_by_no_role_that_has_no_privilege(
        self, connection: Connection, table: str, role: str, privilege: str
    ) -> None:
        asked = text("SELECT has_table_privilege(:role, :table, :privilege)")

        has = connection.scalar(asked, {"role": role, "table": table, "privilege": privilege})

        assert has is False


def test_the_owner_is_let_in(owner: Tenant) -> None:
    """Else the walk above would show nothing."""
    refused = [
        path
        for path, method in ROUTES
        if method == "get" and owner.api.call("GET", path.format(**owner.ids))[0] != 200
    ]

    assert refused == []


def test_every_id_of_a_route_is_known_here(owner: Tenant) -> None:
    named = {name for path, _ in ROUTES for name in re.findall(r"{(\w+)}", path)}

    assert named == set(owner.ids)

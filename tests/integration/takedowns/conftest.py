"""A project with stored images, and takedowns of them over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobStatus, Project
from tests import factories
from tests.integration.api import Api
from tests.integration.takedowns.stored_images import Store, carrying_out, storing


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def store(session: Session, job: CrawlJob) -> Store:
    return storing(session, job)


@pytest.fixture
def carry_out(queues: Any, roles: list[str]) -> Callable[[], int]:
    carry_out = carrying_out(queues)

    def do() -> int:
        roles.append("crawlset_worker")
        n_messages = carry_out()
        roles.pop()
        return n_messages

    return do


@pytest.fixture
def path(project: Project) -> str:
    return f"/api/projects/{project.id}/takedowns"


@pytest.fixture
def take_down(
    api: Api, path: str, session: Session, carry_out: Callable[[], int]
) -> Callable[..., str]:
    """Take down by this body, and wait until it is hidden; gives the takedown's path."""

    def take_down(body: dict[str, Any], **more: Any) -> str:
        status, made = api.call("POST", path, body | more)
        assert (status, made["status"]) == (201, "pending")
        carry_out()
        session.expire_all()
        return f"{path}/{made['id']}"

    return take_down


@pytest.fixture
def revoke(
    api: Api, session: Session, carry_out: Callable[[], int]
) -> Callable[[str], dict[str, Any]]:
    """Revoke the takedown at a path, and wait until all is back; gives what is read of it."""

    def revoke(takedown: str) -> Any:
        status, answer = api.call("POST", f"{takedown}/revoke")
        assert (status, answer["status"]) == (200, "revoking")
        carry_out()
        session.expire_all()
        return api.call("GET", takedown)[1]

    return revoke

"""A completed crawl job to validate."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from crawlset import settings
from crawlset.models import CrawlJob, JobChunk, JobStatus, Project
from tests import factories
from tests.integration.validation.measurers import DEPLOYED, Deploy


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_chunk(session, job)


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/validation-jobs"


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Deploy measurers in place of the usual ones."""

    def deploy(arns: str) -> None:
        monkeypatch.setenv("MEASURER_ARNS", arns)
        settings.measurer_settings.cache_clear()

    deploy(DEPLOYED)
    yield deploy
    settings.measurer_settings.cache_clear()

"""A completed crawl job to export."""

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobStatus, Project
from tests import factories
from tests.integration.exports.steps import Store, storing


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def store(session: Session, job: CrawlJob) -> Store:
    return storing(session, job)


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/export-jobs"

"""A completed crawl job to validate."""

import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobChunk, JobStatus, Project
from tests import factories


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def chunk(session: Session, job: CrawlJob) -> JobChunk:
    return factories.create_chunk(session, job)


@pytest.fixture
def path(job: CrawlJob) -> str:
    return f"/api/projects/{job.project_id}/crawl-jobs/{job.id}/validation-jobs"

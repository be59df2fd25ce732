import pytest
from sqlalchemy.orm import Session

from crawlset.models import CrawlJob, JobStatus, Project
from tests import factories


@pytest.fixture
def job(session: Session, project: Project) -> CrawlJob:
    return factories.create_crawl_job(session, project, status=JobStatus.completed)


@pytest.fixture
def path(project: Project) -> str:
    return f"/api/projects/{project.id}"


@pytest.fixture
def job_path(path: str, job: CrawlJob) -> str:
    return f"{path}/crawl-jobs/{job.id}"

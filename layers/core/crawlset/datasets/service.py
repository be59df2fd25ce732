"""Old requests for datasets, as projects and crawl jobs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.crawls import service as crawls
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.datasets.schemas import DatasetCreate, DatasetRead
from crawlset.errors import NotFoundError, UnprocessableError
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.kit.paging import Slice
from crawlset.models import CrawlJob
from crawlset.outcomes import ImageStatus
from crawlset.projects import service as projects
from crawlset.settings import source_settings
from crawlset.sources.registry import describe_sources
from crawlset.wire.searches import IntendedUse


def create(session: Session, user_id: UUID, request: DatasetCreate) -> DatasetRead:
    """
    A crawl job in the project of its name, which is made if it is not there; in one transaction.

    Raises:
        UnprocessableError: this deployment has no source to search.
        ActiveJobsExceededError, StoredBytesExceededError: the account is full.
    """
    sources, warnings = _sources(request.search_engines)
    project = projects.get_or_create(session, user_id, request.name)
    created = crawls.create(
        session,
        user_id,
        project.id,
        CrawlJobCreate(
            name=request.name,
            keywords=request.keywords,
            sources=sources,
            max_images=request.max_images,
        ),
    )
    (read,) = read_many(session, [created.job])
    return read.model_copy(update={"warnings": warnings})


def list_page(session: Session, user_id: UUID, after: str | None, limit: int) -> Slice[CrawlJob]:
    """Every crawl job of the user, newest first."""
    return CrawlRepository(session).list_of_user(user_id, after, limit)


def require(session: Session, user_id: UUID, dataset_id: UUID) -> CrawlJob:
    """
    Raises:
        NotFoundError: the user has none of this id.
    """
    job = CrawlRepository(session).get_of_user(user_id, dataset_id)
    if job is None:
        raise NotFoundError("dataset", dataset_id)
    return job


def read_many(session: Session, jobs: Sequence[CrawlJob]) -> list[DatasetRead]:
    counts = CrawlRepository(session).count([job.id for job in jobs])
    return [
        DatasetRead(
            id=job.id,
            name=job.name,
            keywords=job.keywords,
            max_images=job.max_images,
            search_engines=job.sources,
            status=job.status,
            n_images=sum(
                n
                for outcome, n in counts[job.id].outcomes.items()
                if outcome.status is ImageStatus.stored
            ),
            created_at=job.created_at,
            updated_at=job.updated_at,
            project_id=job.project_id,
            crawl_job_id=job.id,
        )
        for job in jobs
    ]


def _sources(search_engines: Sequence[str]) -> tuple[list[str], list[str]]:
    """
    Sources for the engines named, and what is to be said of it.

    Where one of them may not be searched here, as google without a key, every source that may be
    searched takes their place.
    """
    searchable = [
        source.name
        for source in describe_sources(source_settings())
        if source.configured and not source.is_list and IntendedUse.research in source.intended_uses
    ]
    named = [name for name in dict.fromkeys(search_engines) if name in searchable]
    unknown = [name for name in dict.fromkeys(search_engines) if name not in searchable]
    if not searchable:
        raise UnprocessableError(
            "This deployment has no source that is searched by keywords.", "/search_engines"
        )
    if not unknown and named:
        return named, []
    warnings = [f"{name} is no source; {', '.join(searchable)} take its place." for name in unknown]
    return searchable, warnings

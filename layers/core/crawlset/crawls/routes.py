from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.crawls import presenting, service
from crawlset.crawls.schemas import (
    ChunkRead,
    CrawlJobCreate,
    CrawlJobDetail,
    CrawlJobRead,
)
from crawlset.deletions import DEFAULT_GRACE_HOURS, Deleted, GraceHours
from crawlset.errors import NotFoundError
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import (
    CrawlRepository,
    JobFilter,
    require_crawl_job,
)
from crawlset.kit import db
from crawlset.kit.fields import Instant
from crawlset.kit.paging import Cursor, Order, Page, PageLimit, Sort, Word, decode_uuid
from crawlset.models import JobStatus, WorkStatus

router = APIGatewayHttpRouter()
TAGS: Any = ["crawl jobs"]


@router.post(
    "/api/projects/<project_id>/crawl-jobs",
    summary="Create a crawl job",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "crawl_job.created")
def create_crawl_job(project_id: UUID, request: CrawlJobCreate) -> CrawlJobDetail:
    session = router.context["session"]
    created = service.create(session, router.context["user_id"], project_id, request)
    return presenting.read_new(created)


@router.get("/api/projects/<project_id>/crawl-jobs", summary="List crawl jobs", tags=TAGS)
def list_crawl_jobs(
    project_id: UUID,
    *,
    status: Annotated[JobStatus | None, Query()] = None,
    keyword: Word = None,
    source: Word = None,
    created_from: Annotated[Instant | None, Query()] = None,
    created_before: Annotated[Instant | None, Query()] = None,
    sort: Sort = Order.newest,
    limit: PageLimit = 20,
    cursor: Cursor = None,
    deleted: Annotated[Deleted, Query()] = False,
) -> Page[CrawlJobRead]:
    session = router.context["session"]
    wanted = JobFilter(status, keyword, source, created_from, created_before, deleted)
    after = decode_uuid(cursor)
    if deleted:
        db.show_deleted(session)
    page = CrawlRepository(session).list_page(project_id, wanted, after, limit, sort)
    if page is None:
        raise NotFoundError("project", project_id)
    return Page.of_items(page, presenting.read_many(session, page.rows))


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>",
    summary="Get a crawl job",
    tags=TAGS,
)
def get_crawl_job(project_id: UUID, job_id: UUID) -> CrawlJobDetail:
    session = router.context["session"]
    return presenting.read_one(session, require_crawl_job(session, project_id, job_id))


@router.delete(
    "/api/projects/<project_id>/crawl-jobs/<job_id>",
    summary="Delete a finished job; it can be restored until its grace is over",
    tags=TAGS,
)
@logs(router, "crawl_job.deleted", "job_id")
def delete_crawl_job(
    project_id: UUID,
    job_id: UUID,
    grace_hours: Annotated[GraceHours, Query()] = DEFAULT_GRACE_HOURS,
) -> CrawlJobRead:
    session = router.context["session"]
    job = service.delete(session, project_id, job_id, grace_hours)
    return presenting.read_many(session, [job])[0]


@router.post(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/restore",
    summary="Restore a deleted job",
    tags=TAGS,
)
@logs(router, "crawl_job.restored", "job_id")
def restore_crawl_job(project_id: UUID, job_id: UUID) -> CrawlJobDetail:
    session = router.context["session"]
    job = service.restore(session, router.context["user_id"], project_id, job_id)
    return presenting.read_one(session, job)


@router.post(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/cancel",
    summary="Cancel a job",
    tags=TAGS,
)
@logs(router, "crawl_job.cancelled", "job_id")
def cancel_crawl_job(project_id: UUID, job_id: UUID) -> CrawlJobDetail:
    session = router.context["session"]
    job = service.cancel(session, project_id, job_id)
    return presenting.read_one(session, job)


@router.post(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/retry",
    summary="Retry what failed or was cancelled",
    tags=TAGS,
)
@logs(router, "crawl_job.retried", "job_id")
def retry_crawl_job(project_id: UUID, job_id: UUID) -> CrawlJobDetail:
    session = router.context["session"]
    job = service.retry(session, project_id, job_id)
    return presenting.read_one(session, job)


@router.post(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/recrawl",
    summary="See what has changed of what is stored",
    tags=TAGS,
)
@logs(router, "crawl_job.recrawled", "job_id")
def recrawl_crawl_job(project_id: UUID, job_id: UUID) -> CrawlJobDetail:
    session = router.context["session"]
    job = service.recrawl(session, project_id, job_id)
    return presenting.read_one(session, job)


@router.get(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/chunks",
    summary="List chunks",
    tags=TAGS,
)
def list_chunks(
    project_id: UUID,
    job_id: UUID,
    status: Annotated[WorkStatus | None, Query()] = None,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[ChunkRead]:
    session = router.context["session"]
    job = require_crawl_job(session, project_id, job_id)
    page = ChunkRepository(session).list_page(job, status, decode_uuid(cursor), limit)
    return Page.of(page, ChunkRead.model_validate)

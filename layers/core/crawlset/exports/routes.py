from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.exports import service
from crawlset.exports.repository import ExportRepository, ShownExport
from crawlset.exports.schemas import ExportFileRead, ExportJobCreate, ExportJobRead
from crawlset.jobs.crawl_repository import lock_crawl_job, require_crawl_job
from crawlset.kit.paging import Cursor, Page, PageLimit, decode, decode_uuid

router = APIGatewayHttpRouter()
TAGS: Any = ["exports"]
JOBS = "/api/projects/<project_id>/crawl-jobs/<job_id>/export-jobs"
JOB = f"{JOBS}/<export_job_id>"


@router.post(
    JOBS,
    summary="Export a completed or cancelled crawl job",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "export_job.created")
def create_export_job(project_id: UUID, job_id: UUID, request: ExportJobCreate) -> ExportJobRead:
    session = router.context["session"]
    job = lock_crawl_job(session, project_id, job_id, read=True)
    return ExportJobRead.of(service.create(session, job, request))


@router.get(JOBS, summary="List export jobs, newest first", tags=TAGS)
def list_export_jobs(
    project_id: UUID, job_id: UUID, limit: PageLimit = 20, cursor: Cursor = None
) -> Page[ExportJobRead]:
    session = router.context["session"]
    job = require_crawl_job(session, project_id, job_id)
    page = ExportRepository(session).list_page(job, decode_uuid(cursor), limit)
    return Page.of(page, lambda row: service.read(*row))


@router.get(JOB, summary="Get an export job", tags=TAGS)
def get_export_job(project_id: UUID, job_id: UUID, export_job_id: UUID) -> ExportJobRead:
    shown = _require(project_id, job_id, export_job_id)
    return service.read(shown.job, shown.takedown)


@router.post(f"{JOB}/cancel", summary="Cancel an export job", tags=TAGS)
@logs(router, "export_job.cancelled", "export_job_id")
def cancel_export_job(project_id: UUID, job_id: UUID, export_job_id: UUID) -> ExportJobRead:
    export_job = _require(project_id, job_id, export_job_id).job
    service.cancel(router.context["session"], export_job)
    return ExportJobRead.of(export_job)


@router.get(f"{JOB}/files", summary="List the files of a completed export", tags=TAGS)
def list_export_files(
    project_id: UUID,
    job_id: UUID,
    export_job_id: UUID,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[ExportFileRead]:
    shown = _require(project_id, job_id, export_job_id)
    return service.list_files(router.context["session"], shown, decode(cursor), limit)


def _require(project_id: UUID, job_id: UUID, export_job_id: UUID) -> ShownExport:
    repository = ExportRepository(router.context["session"])
    return repository.require(project_id, job_id, export_job_id)

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.jobs import pipeline_jobs
from crawlset.jobs.crawl_repository import lock_crawl_job, require_crawl_job
from crawlset.kit.paging import Cursor, Page, PageLimit, decode_int, decode_uuid
from crawlset.models import ValidationJob
from crawlset.outcomes import Verdict
from crawlset.validation import service
from crawlset.validation.cluster_repository import ClusterRepository
from crawlset.validation.repository import ValidationRepository
from crawlset.validation.schemas import (
    ClusterRead,
    ReportRead,
    ValidationJobCreate,
    ValidationJobRead,
    VerdictRead,
)
from crawlset.validation.verdict_repository import VerdictRepository

router = APIGatewayHttpRouter()
MEMBERS_SHOWN = 100
TAGS: Any = ["validation"]
JOBS = "/api/projects/<project_id>/crawl-jobs/<job_id>/validation-jobs"
JOB = f"{JOBS}/<validation_job_id>"


@router.post(
    JOBS,
    summary="Validate what a completed or cancelled crawl job has stored",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "validation_job.created")
def create_validation_job(
    project_id: UUID, job_id: UUID, request: ValidationJobCreate
) -> ValidationJobRead:
    session = router.context["session"]
    service.check(session, router.context["user_id"], request.validation_rules)
    job = lock_crawl_job(session, project_id, job_id, read=True)
    validation_job = service.add(session, job, request.validation_rules)
    pipeline_jobs.start(session, validation_job)
    return ValidationJobRead.of(validation_job)


@router.get(JOBS, summary="List validation jobs, newest first", tags=TAGS)
def list_validation_jobs(
    project_id: UUID, job_id: UUID, limit: PageLimit = 20, cursor: Cursor = None
) -> Page[ValidationJobRead]:
    session = router.context["session"]
    job = require_crawl_job(session, project_id, job_id)
    page = ValidationRepository(session).list_page(job, decode_uuid(cursor), limit)
    return Page.of(page, ValidationJobRead.of)


@router.get(JOB, summary="Get a validation job", tags=TAGS)
def get_validation_job(
    project_id: UUID, job_id: UUID, validation_job_id: UUID
) -> ValidationJobRead:
    return ValidationJobRead.of(_require(project_id, job_id, validation_job_id))


@router.post(f"{JOB}/cancel", summary="Cancel a validation job", tags=TAGS)
@logs(router, "validation_job.cancelled", "validation_job_id")
def cancel_validation_job(
    project_id: UUID, job_id: UUID, validation_job_id: UUID
) -> ValidationJobRead:
    validation_job = _require(project_id, job_id, validation_job_id)
    service.cancel(router.context["session"], validation_job)
    return ValidationJobRead.of(validation_job)


@router.get(f"{JOB}/report", summary="What a completed validation found", tags=TAGS)
def get_report(project_id: UUID, job_id: UUID, validation_job_id: UUID) -> ReportRead:
    session = router.context["session"]
    return service.read_report(session, project_id, job_id, validation_job_id)[1]


@router.get(f"{JOB}/clusters", summary="List clusters of near duplicates, by keeper", tags=TAGS)
def list_clusters(
    project_id: UUID,
    job_id: UUID,
    validation_job_id: UUID,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[ClusterRead]:
    validation_job = _require(project_id, job_id, validation_job_id)
    page = ClusterRepository(router.context["session"]).list_clusters(
        validation_job, decode_int(cursor), limit, MEMBERS_SHOWN
    )
    return Page.of(page, ClusterRead.model_validate)


@router.get(f"{JOB}/verdicts", summary="List the verdicts on images, by rule", tags=TAGS)
def list_verdicts(
    project_id: UUID,
    job_id: UUID,
    validation_job_id: UUID,
    *,
    verdict: Annotated[Verdict | None, Query()] = None,
    rule: Annotated[str | None, Query(max_length=100)] = None,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[VerdictRead]:
    validation_job = _require(project_id, job_id, validation_job_id)
    page = VerdictRepository(router.context["session"]).list_page(
        validation_job, verdict, rule, decode_int(cursor), limit
    )
    return Page.of(page, VerdictRead.model_validate)


def _require(project_id: UUID, job_id: UUID, validation_job_id: UUID) -> ValidationJob:
    repository = ValidationRepository(router.context["session"])
    return repository.require(project_id, job_id, validation_job_id)[1]

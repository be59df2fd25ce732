from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, ConfigDict, Field

from crawlset.activity import logs
from crawlset.exports.schemas import ExportJobRead, ExportRequest
from crawlset.jobs.crawl_repository import lock_crawl_job
from crawlset.pipeline import service as pipeline
from crawlset.validation.schemas import ValidationJobRead, ValidationRules

router = APIGatewayHttpRouter()
TAGS: Any = ["pipeline"]


class PipelineCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    validation_rules: ValidationRules = ValidationRules()
    export: Annotated[
        ExportRequest | None, Field(description="Export what is kept; null: validate only")
    ] = None


class PipelineRead(BaseModel):
    validation_job: ValidationJobRead
    export_job: ExportJobRead | None


@router.post(
    "/api/projects/<project_id>/crawl-jobs/<job_id>/pipeline",
    summary="Validate a completed crawl job, and export what is kept, in one execution",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "pipeline.created", "job_id")
def create_pipeline(project_id: UUID, job_id: UUID, request: PipelineCreate) -> PipelineRead:
    session = router.context["session"]
    rules, export = request.validation_rules, request.export
    pipeline.check(session, router.context["user_id"], rules, export)
    job = lock_crawl_job(session, project_id, job_id, read=True)
    validation_job, export_job = pipeline.validate_and_export(session, job, rules, export)
    return PipelineRead(
        validation_job=ValidationJobRead.of(validation_job),
        export_job=ExportJobRead.of(export_job) if export_job else None,
    )

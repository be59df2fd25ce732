from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from crawlset.activity import logs
from crawlset.crawls import presenting
from crawlset.crawls.schemas import CrawlJobDetail
from crawlset.kit.http import require_match
from crawlset.kit.paging import Cursor, Order, Page, PageLimit, Sort, decode_uuid
from crawlset.models import JobTemplate
from crawlset.projects.repository import ProjectRepository
from crawlset.schedules import service
from crawlset.schedules.repository import TemplateRepository
from crawlset.schedules.schemas import (
    JobTemplateCreate,
    JobTemplateRead,
    JobTemplateStart,
    JobTemplateUpdate,
)

router = APIGatewayHttpRouter()
TAGS: Any = ["templates and schedules"]
TEMPLATES = "/api/projects/<project_id>/job-templates"
TEMPLATE = f"{TEMPLATES}/<template_id>"


@router.post(
    TEMPLATES,
    summary="Keep the configuration of a crawl job",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "job_template.created")
def create_job_template(project_id: UUID, request: JobTemplateCreate) -> JobTemplateRead:
    session = router.context["session"]
    user_id = router.context["user_id"]
    return JobTemplateRead.of(service.create_template(session, user_id, project_id, request))


@router.get(TEMPLATES, summary="List job templates", tags=TAGS)
def list_job_templates(
    project_id: UUID,
    sort: Sort = Order.newest,
    limit: PageLimit = 20,
    cursor: Cursor = None,
) -> Page[JobTemplateRead]:
    session = router.context["session"]
    ProjectRepository(session).require(router.context["user_id"], project_id)
    page = TemplateRepository(session).list_page(project_id, decode_uuid(cursor), limit, sort)
    return Page.of(page, JobTemplateRead.of)


@router.get(TEMPLATE, summary="Get a job template", tags=TAGS)
def get_job_template(project_id: UUID, template_id: UUID) -> JobTemplateRead:
    session = router.context["session"]
    return JobTemplateRead.of(TemplateRepository(session).require(project_id, template_id))


@router.patch(TEMPLATE, summary="Change a job template", tags=TAGS)
@logs(router, "job_template.updated", "template_id")
def update_job_template(
    project_id: UUID, template_id: UUID, request: JobTemplateUpdate
) -> JobTemplateRead:
    template = _lock(project_id, template_id)
    return JobTemplateRead.of(service.update_template(router.context["session"], template, request))


@router.delete(
    TEMPLATE, summary="Delete a job template", tags=TAGS, status_code=HTTPStatus.NO_CONTENT
)
@logs(router, "job_template.deleted", "template_id")
def delete_job_template(project_id: UUID, template_id: UUID) -> Response[None]:
    service.delete_template(router.context["session"], _lock(project_id, template_id))
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post(
    f"{TEMPLATE}/start",
    summary="Start a crawl job from a template",
    tags=TAGS,
    status_code=HTTPStatus.CREATED,
)
@logs(router, "job_template.started", "template_id")
def start_job_template(
    project_id: UUID, template_id: UUID, request: JobTemplateStart | None = None
) -> CrawlJobDetail:
    session = router.context["session"]
    template = TemplateRepository(session).require(project_id, template_id)
    created = service.start_template(session, template, request or JobTemplateStart())
    return presenting.read_new(created)


def _lock(project_id: UUID, template_id: UUID) -> JobTemplate:
    template = TemplateRepository(router.context["session"]).lock(project_id, template_id)
    require_match(router.current_event, JobTemplateRead.of(template))
    return template

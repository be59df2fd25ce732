"""What a user may do with templates and schedules."""

from typing import Any, cast
from uuid import UUID

from sqlalchemy.orm import Session

from crawlset.crawls import service as crawls
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.crawls.service import Created
from crawlset.errors import ConflictError, UnprocessableError
from crawlset.jobs.crawl_repository import require_crawl_job
from crawlset.kit import db
from crawlset.kit.ids import new_id
from crawlset.models import CrawlJob, CrawlSchedule, JobTemplate
from crawlset.projects.repository import ProjectRepository
from crawlset.schedules import clock
from crawlset.schedules.clock import Timing
from crawlset.schedules.repository import ScheduleRepository, TemplateRepository
from crawlset.schedules.schemas import (
    CrawlScheduleCreate,
    CrawlScheduleUpdate,
    JobTemplateCreate,
    JobTemplateStart,
    JobTemplateUpdate,
)
from crawlset.sources import catalogue


class TemplateScheduledError(ConflictError):
    def __init__(self, template: JobTemplate) -> None:
        super().__init__(
            f"Job template {template.id} is started by a schedule; delete the schedule first."
        )


def create_template(
    session: Session, user_id: UUID, project_id: UUID, request: JobTemplateCreate
) -> JobTemplate:
    """
    Raises:
        NotFoundError: the caller has no such project, or it has no such job, or a rule of the
            configuration names a crawl job or an export that the caller does not have.
        UnprocessableError: no job could be made of it.
        NameTakenError: the project has one of this name.
    """
    ProjectRepository(session).hold(user_id, project_id)
    if request.crawl_job_id is not None:
        configuration = _configuration_of(
            require_crawl_job(session, project_id, request.crawl_job_id)
        )
    else:
        configuration = cast("CrawlJobCreate", request.configuration)  # one of the two is given
    stored = _stored(session, user_id, configuration)
    template = JobTemplate(
        id=new_id(),
        user_id=user_id,
        project_id=project_id,
        name=request.name,
        configuration=stored,
    )
    return TemplateRepository(session).save(template)


def update_template(
    session: Session, template: JobTemplate, request: JobTemplateUpdate
) -> JobTemplate:
    """
    Raises:
        UnprocessableError: no job could be made of it.
        NotFoundError: a rule of it names a crawl job or an export that the caller does not have.
        NameTakenError: the project has another of this name.
    """
    if request.configuration is not None:
        template.configuration = _stored(session, template.user_id, request.configuration)
    if "name" in request.model_fields_set:
        template.name = request.name
    return TemplateRepository(session).save(template)


def delete_template(session: Session, template: JobTemplate) -> None:
    """
    Raises:
        TemplateScheduledError: a schedule starts it.
    """
    if TemplateRepository(session).is_scheduled(template):
        raise TemplateScheduledError(template)
    session.delete(template)
    session.flush()


def start_template(session: Session, template: JobTemplate, request: JobTemplateStart) -> Created:
    """
    A crawl job as the template says.

    Raises:
        UnprocessableError: its sources or lists are not there any more, or a quota is smaller.
        NotFoundError: a crawl job or an export that a rule names is not there any more.
    """
    changes = request.model_dump(exclude_unset=True)
    configuration = CrawlJobCreate.model_validate(template.configuration | changes)
    return crawls.create(session, template.user_id, template.project_id, configuration)


def create_schedule(
    session: Session, user_id: UUID, project_id: UUID, request: CrawlScheduleCreate
) -> CrawlSchedule:
    """
    Raises:
        NotFoundError: the caller has no such project, or it has no such template.
        UnprocessableError: it would run never or too often.
        NameTakenError: the project has one of this name.
    """
    ProjectRepository(session).hold(user_id, project_id)
    TemplateRepository(session).lock(project_id, request.template_id)
    rate_seconds = clock.parse_rate(request.rate) if request.rate is not None else None
    schedule = CrawlSchedule(
        id=new_id(),
        user_id=user_id,
        project_id=project_id,
        template_id=request.template_id,
        name=request.name,
        cron=request.cron,
        rate_seconds=rate_seconds,
        timezone=request.timezone,
        is_paused=request.is_paused,
        catches_up=request.catches_up,
        next_run_at=clock.check(
            Timing(request.cron, rate_seconds, request.timezone), db.now(session)
        ),
    )
    return ScheduleRepository(session).save(schedule)


def update_schedule(
    session: Session, schedule: CrawlSchedule, request: CrawlScheduleUpdate
) -> CrawlSchedule:
    """
    Change what is given; the next run counts from now when its time changes or its pause ends.

    Raises:
        NotFoundError: the project has no such template.
        UnprocessableError: it would run never or too often.
        NameTakenError: the project has another of this name.
    """
    now = db.now(session)
    given = request.model_dump(exclude_unset=True)
    if "template_id" in given:
        TemplateRepository(session).lock(schedule.project_id, given["template_id"])
    was_paused = schedule.is_paused
    if "cron" in given:
        schedule.rate_seconds = None
    if "rate" in given:
        given |= {"cron": None, "rate_seconds": clock.parse_rate(given.pop("rate"))}
    for field, value in given.items():
        setattr(schedule, field, value)
    if given.keys() & {"cron", "rate_seconds", "timezone"} or (
        was_paused and not schedule.is_paused
    ):
        timing = Timing(schedule.cron, schedule.rate_seconds, schedule.timezone)
        schedule.next_run_at = clock.check(timing, now)
    return ScheduleRepository(session).save(schedule)


def _stored(session: Session, user_id: UUID, configuration: CrawlJobCreate) -> dict[str, Any]:
    """
    Give the configuration as the template keeps it.

    Raises:
        UnprocessableError: no job could be made of it.
        NotFoundError: a rule of it names a crawl job or an export that the user does not have.
    """
    if configuration.given_lists():
        raise UnprocessableError(
            "A template searches sources; a list of URLs is for one job.", "/configuration/urls"
        )
    try:
        crawls.check(session, user_id, configuration)
    except UnprocessableError as error:
        raise UnprocessableError(str(error), f"/configuration{error.pointer or ''}") from error
    return configuration.model_dump(mode="json", exclude_unset=True)


def _configuration_of(job: CrawlJob) -> CrawlJobCreate:
    """
    Raises:
        UnprocessableError: its list of URLs is not kept.
    """
    if any(map(catalogue.is_list, job.sources)):
        raise UnprocessableError(
            "That job was made of a list of URLs, which is not kept.", "/crawl_job_id"
        )
    return CrawlJobCreate.model_validate(
        {
            "name": job.name,
            "keywords": job.keywords,
            "sources": job.sources,
            "max_images": job.max_images,
            "licences": job.policy["licences"],
            "intended_use": job.policy["intended_use"],
            "expansion": job.policy.get("expansion", {}),
            "policy": job.policy.get("fetch", {}),
            "per_host": job.policy.get("per_host", {}),
            "resize": job.policy.get("resize"),
            **job.policy.get("intake", {}),
            "keep_location": job.policy.get("keep_location", False),
            "validation_rules": job.validation_rules,
            "export": job.export_request,
        }
    )

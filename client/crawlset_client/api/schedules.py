"""Templates of crawl jobs, and the schedules that start them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crawlset_client.api.connection import Resource, given, in_project
from crawlset_client.models import CrawlJob, Record


class JobTemplate(Record, kw_only=True):
    id: str
    project_id: str
    name: str
    configuration: dict[str, Any]
    created_at: datetime


class CrawlSchedule(Record, kw_only=True):
    id: str
    project_id: str
    template_id: str
    name: str
    cron: str | None = None
    rate: str | None = None
    timezone: str = "UTC"
    is_paused: bool = False
    catches_up: bool = True
    next_run_at: datetime | None = None
    next_runs: list[datetime]
    last_run_at: datetime | None = None
    created_at: datetime


class Templates(Resource):
    """Configurations of crawl jobs, kept to be started again."""

    def create(
        self,
        project_id: str,
        name: str,
        *,
        configuration: Mapping[str, Any] | None = None,
        crawl_job_id: str | None = None,
    ) -> JobTemplate:
        """Keep `configuration`, which is what a crawl job is created with, or that of a job."""
        body = given(name=name, configuration=configuration, crawl_job_id=crawl_job_id)
        return self._connection.post(JobTemplate, _in_templates(project_id), body)

    def list(self, project_id: str) -> Iterator[JobTemplate]:
        """Templates, newest first."""
        return self._connection.list(JobTemplate, _in_templates(project_id))

    def get(self, project_id: str, template_id: str) -> JobTemplate:
        return self._connection.get(JobTemplate, _in_templates(project_id, template_id))

    def update(
        self,
        project_id: str,
        template_id: str,
        *,
        name: str | None = None,
        configuration: Mapping[str, Any] | None = None,
    ) -> JobTemplate:
        body = given(name=name, configuration=configuration)
        path = _in_templates(project_id, template_id)
        return self._connection.patch(JobTemplate, path, body)

    def delete(self, project_id: str, template_id: str) -> None:
        """Delete a template that no schedule starts."""
        self._connection.delete(_in_templates(project_id, template_id))

    def start(
        self,
        project_id: str,
        template_id: str,
        *,
        name: str | None = None,
        max_images: int | None = None,
    ) -> CrawlJob:
        """A crawl job as the template says, but for what is given here."""
        path = _in_templates(project_id, template_id, "start")
        return self._connection.post(CrawlJob, path, given(name=name, max_images=max_images))


class Schedules(Resource):
    """Schedules, which start templates by the clock."""

    def create(
        self,
        project_id: str,
        name: str,
        template_id: str,
        *,
        cron: str | None = None,
        rate: str | None = None,
        timezone: str | None = None,
        is_paused: bool | None = None,
        catches_up: bool | None = None,
    ) -> CrawlSchedule:
        """Start the template by a cron expression, or at a rate such as `6 hours`."""
        body = given(
            name=name,
            template_id=template_id,
            cron=cron,
            rate=rate,
            timezone=timezone,
            is_paused=is_paused,
            catches_up=catches_up,
        )
        return self._connection.post(CrawlSchedule, _in_schedules(project_id), body)

    def list(self, project_id: str) -> Iterator[CrawlSchedule]:
        """Schedules, newest first."""
        return self._connection.list(CrawlSchedule, _in_schedules(project_id))

    def get(self, project_id: str, schedule_id: str) -> CrawlSchedule:
        return self._connection.get(CrawlSchedule, _in_schedules(project_id, schedule_id))

    def update(self, project_id: str, schedule_id: str, **changes: Any) -> CrawlSchedule:
        """Change what is given, by the names that `create` has for it."""
        path = _in_schedules(project_id, schedule_id)
        return self._connection.patch(CrawlSchedule, path, changes)

    def delete(self, project_id: str, schedule_id: str) -> None:
        """Delete the schedule; the jobs it started stay."""
        self._connection.delete(_in_schedules(project_id, schedule_id))


def _in_templates(project_id: str, *parts: str) -> str:
    return in_project(project_id, "job-templates", *parts)


def _in_schedules(project_id: str, *parts: str) -> str:
    return in_project(project_id, "crawl-schedules", *parts)

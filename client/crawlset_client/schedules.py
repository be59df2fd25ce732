"""
Templates and schedules: one method a route.

    with Schedules("http://127.0.0.1:8480", key) as crawlset:
        template = crawlset.create_job_template(project.id, "cats", crawl_job_id=job.id)
        crawlset.create_crawl_schedule(project.id, "weekly", template.id, cron="0 3 * * 1")
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crawlset_client.api import Crawlset
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


class Schedules(Crawlset):
    """The service, with what starts crawl jobs again and by the clock."""

    def create_job_template(
        self,
        project_id: str,
        name: str,
        *,
        configuration: Mapping[str, Any] | None = None,
        crawl_job_id: str | None = None,
    ) -> JobTemplate:
        """Keep `configuration`, which is what a crawl job is created with, or that of a job."""
        body = _given(name=name, configuration=configuration, crawl_job_id=crawl_job_id)
        return self._post(JobTemplate, _templates(project_id), body)

    def list_job_templates(self, project_id: str) -> Iterator[JobTemplate]:
        """Newest first."""
        return self._list(JobTemplate, _templates(project_id))

    def get_job_template(self, project_id: str, template_id: str) -> JobTemplate:
        return self._get(JobTemplate, _templates(project_id, template_id))

    def update_job_template(
        self,
        project_id: str,
        template_id: str,
        *,
        name: str | None = None,
        configuration: Mapping[str, Any] | None = None,
    ) -> JobTemplate:
        body = _given(name=name, configuration=configuration)
        path = _templates(project_id, template_id)
        return self._read(JobTemplate, self._send("PATCH", path, json=body))

    def delete_job_template(self, project_id: str, template_id: str) -> None:
        """Delete a template that no schedule starts."""
        self._send("DELETE", _templates(project_id, template_id))

    def start_job_template(
        self,
        project_id: str,
        template_id: str,
        *,
        name: str | None = None,
        max_images: int | None = None,
    ) -> CrawlJob:
        """A crawl job as the template says, but for what is given here."""
        path = f"{_templates(project_id, template_id)}/start"
        return self._post(CrawlJob, path, _given(name=name, max_images=max_images))

    def create_crawl_schedule(
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
        body = _given(
            name=name,
            template_id=template_id,
            cron=cron,
            rate=rate,
            timezone=timezone,
            is_paused=is_paused,
            catches_up=catches_up,
        )
        return self._post(CrawlSchedule, _schedules(project_id), body)

    def list_crawl_schedules(self, project_id: str) -> Iterator[CrawlSchedule]:
        """Newest first."""
        return self._list(CrawlSchedule, _schedules(project_id))

    def get_crawl_schedule(self, project_id: str, schedule_id: str) -> CrawlSchedule:
        return self._get(CrawlSchedule, _schedules(project_id, schedule_id))

    def update_crawl_schedule(
        self, project_id: str, schedule_id: str, **changes: Any
    ) -> CrawlSchedule:
        """Change what is given, by the names that `create_crawl_schedule` has for it."""
        path = _schedules(project_id, schedule_id)
        return self._read(CrawlSchedule, self._send("PATCH", path, json=changes))

    def delete_crawl_schedule(self, project_id: str, schedule_id: str) -> None:
        """Delete the schedule; the jobs it started stay."""
        self._send("DELETE", _schedules(project_id, schedule_id))


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _templates(project_id: str, template_id: str = "") -> str:
    return _path(project_id, "job-templates", template_id)


def _schedules(project_id: str, schedule_id: str = "") -> str:
    return _path(project_id, "crawl-schedules", schedule_id)


def _path(project_id: str, kind: str, id_: str) -> str:
    path = f"projects/{quote(project_id, safe='')}/{kind}"
    return f"{path}/{quote(id_, safe='')}" if id_ else path

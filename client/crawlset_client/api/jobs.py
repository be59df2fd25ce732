"""Crawl jobs, with their chunks and their events."""

from collections.abc import Iterator
from typing import Unpack

from crawlset_client.api.connection import PAGE_SIZE, Resource, given, in_job, in_project
from crawlset_client.configuration import Configuration
from crawlset_client.models import FINAL, Chunk, CrawlJob, Estimate, Event, Page

EVENTS_EVERY_SECONDS = 2.0


class Jobs(Resource):
    """Crawl jobs of a project."""

    def create(
        self, project_id: str, name: str, **configuration: Unpack[Configuration]
    ) -> CrawlJob:
        """Start a crawl."""
        body = given(name=name, **configuration)
        return self._connection.post(CrawlJob, in_project(project_id, "crawl-jobs"), body)

    def estimate(
        self, project_id: str, name: str, **configuration: Unpack[Configuration]
    ) -> Estimate:
        """Estimate what a crawl job would find, take and cost; nothing is created."""
        body = given(name=name, **configuration)
        path = in_project(project_id, "crawl-jobs", "estimate")
        return self._connection.post(Estimate, path, body)

    def list(
        self, project_id: str, *, status: str | None = None, deleted: bool = False
    ) -> Iterator[CrawlJob]:
        """Crawl jobs, newest first; with `deleted`, those that can be restored."""
        path = in_project(project_id, "crawl-jobs")
        only = "true" if deleted else None
        return self._connection.list(CrawlJob, path, status=status, deleted=only)

    def get(self, project_id: str, job_id: str) -> CrawlJob:
        return self._connection.get(CrawlJob, in_job(project_id, job_id))

    def delete(self, project_id: str, job_id: str, *, grace_hours: int | None = None) -> CrawlJob:
        """
        Delete a job that has ended.

        It can be restored for `grace_hours`, 0 to 720, or else for a day; then it is removed.
        """
        return self._connection.delete_later(CrawlJob, in_job(project_id, job_id), grace_hours)

    def restore(self, project_id: str, job_id: str) -> CrawlJob:
        """Take the deletion of a job back: it is as it was."""
        return self._connection.post(CrawlJob, in_job(project_id, job_id, "restore"))

    def cancel(self, project_id: str, job_id: str) -> CrawlJob:
        return self._connection.post(CrawlJob, in_job(project_id, job_id, "cancel"))

    def retry(self, project_id: str, job_id: str) -> CrawlJob:
        """Try again what was cancelled, and what failed and may end otherwise."""
        return self._connection.post(CrawlJob, in_job(project_id, job_id, "retry"))

    def recrawl(self, project_id: str, job_id: str) -> CrawlJob:
        """Ask for the stored pictures again: unchanged, same picture, replaced or gone?"""
        return self._connection.post(CrawlJob, in_job(project_id, job_id, "recrawl"))

    def list_chunks(
        self, project_id: str, job_id: str, *, status: str | None = None
    ) -> Iterator[Chunk]:
        path = in_job(project_id, job_id, "chunks")
        return self._connection.list(Chunk, path, status=status)

    def list_events(self, project_id: str, job_id: str, *, follow: bool = False) -> Iterator[Event]:
        """
        Events of a job, oldest first.

        With `follow`, wait for more until the job has ended, and with it the validations and
        exports that have been made of it.
        """
        path = in_job(project_id, job_id, "events")
        params: dict[str, str | int] = {"limit": PAGE_SIZE}
        under_way = set()
        if follow and not self.get(project_id, job_id).is_final:
            under_way.add(job_id)
        while True:
            page = self._connection.get(Page, path, **params)
            for item in page.items:
                event = self._connection.convert(Event, item)
                note = under_way.discard if event.data["status"] in FINAL else under_way.add
                note(event.data["id"])
                yield event
            if page.next_cursor is not None:
                params["cursor"] = page.next_cursor
            if page.items:
                continue
            if not (follow and under_way):
                return
            self._connection.sleep(EVENTS_EVERY_SECONDS)

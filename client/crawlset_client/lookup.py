"""What people call projects and jobs, turned into the ones they mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from crawlset_client.api import Crawlset
from crawlset_client.errors import ApiError, CrawlsetError, NotFoundHereError, UsageError
from crawlset_client.models import CrawlJob, Project

NOT_FOUND = 404


def find_project(crawlset: Crawlset, name_or_id: str) -> Project:
    """Raises `NotFoundHereError` if there is none, or several share the name."""
    if is_id(name_or_id):
        return crawlset.get_project(name_or_id)
    found = _named(crawlset, name_or_id)
    if found is None:
        raise NotFoundHereError(f"There is no project named {name_or_id!r}.")
    return found


@contextmanager
def project_for(crawlset: Crawlset, name_or_id: str, *, keep: bool = True) -> Iterator[Project]:
    """
    The project to create something in; a name that is not there becomes a project.

    A project made here is deleted again if the block fails, or without `keep` in any case.
    """
    if is_id(name_or_id):
        yield crawlset.get_project(name_or_id)
    elif found := _named(crawlset, name_or_id):
        yield found
    else:
        made = crawlset.create_project(name_or_id)
        try:
            yield made
        except CrawlsetError:
            crawlset.delete_project(made.id)
            raise
        if not keep:
            crawlset.delete_project(made.id)


def find_job(crawlset: Crawlset, job_id: str, project: str | None = None) -> CrawlJob:
    """
    The crawl job with this id, in `project` or else in whichever project has it.

    Raises `NotFoundHereError`, or `UsageError` for what cannot be an id.
    """
    if not is_id(job_id):
        raise UsageError(f"{job_id!r} is no id of a job; `crawlset jobs list` shows them.")
    if project is not None:
        return crawlset.get_crawl_job(find_project(crawlset, project).id, job_id)
    for candidate in crawlset.list_projects():
        try:
            return crawlset.get_crawl_job(candidate.id, job_id)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
    raise NotFoundHereError(f"There is no crawl job {job_id} in any of your projects.")


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _named(crawlset: Crawlset, name: str) -> Project | None:
    found = [project for project in crawlset.list_projects() if project.name == name]
    if len(found) > 1:
        ids = ", ".join(project.id for project in found)
        raise NotFoundHereError(f"{len(found)} projects are named {name!r}; give an id: {ids}.")
    return found[0] if found else None

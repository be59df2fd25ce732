"""What people call projects and jobs, turned into the ones they mean."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol
from uuid import UUID

from crawlset_client.api import Crawlset
from crawlset_client.errors import (
    AmbiguousIdError,
    ApiError,
    CrawlsetError,
    NotFoundHereError,
    UsageError,
)
from crawlset_client.models import CrawlJob, Project, ValidationJob

NOT_FOUND = 404
NAME_TAKEN = "ProjectNameTakenError"
PART_OF_ID = re.compile(r"[0-9a-f-]{6,35}")
"""Part of an id: its beginning, or its end as tables show it."""
SHOWN = 10
"""Ids in the message about one that means several."""


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def find_project(crawlset: Crawlset, name_or_id: str) -> Project:
    """Raises `NotFoundHereError` if there is none, or several are meant."""
    found = _project(crawlset, name_or_id)
    if found is None:
        raise NotFoundHereError(f"There is no project named {name_or_id!r}.")
    return found


@contextmanager
def project_for(crawlset: Crawlset, name_or_id: str, *, keep: bool = True) -> Iterator[Project]:
    """
    The project to create something in; a name that is not there becomes a project.

    A project made here is deleted again if the block fails, or without `keep` in any case.
    """
    if found := _project(crawlset, name_or_id):
        yield found
    else:
        try:
            made = crawlset.projects.create(name_or_id)
        except ApiError as error:
            if error.code != NAME_TAKEN:
                raise
            yield find_project(crawlset, name_or_id)  # somebody was faster
            return
        try:
            yield made
        except BaseException:
            _delete_if_unused(crawlset, made)
            raise
        if not keep:
            _delete_if_unused(crawlset, made)


def _delete_if_unused(crawlset: Crawlset, project: Project) -> None:
    """Somebody else may have put jobs into it meanwhile, and what failed is told first."""
    with suppress(CrawlsetError):
        if next(crawlset.jobs.list(project.id), None) is None:
            crawlset.projects.delete(project.id, grace_hours=0)


def find_job(crawlset: Crawlset, job_id: str, project: str | None = None) -> CrawlJob:
    """
    The crawl job with this id, in `project` or else in whichever project has it.

    Raises `NotFoundHereError`, or `UsageError` for what cannot be an id.
    """
    _check(job_id, "job", "crawlset jobs list")
    projects = [find_project(crawlset, project)] if project else crawlset.projects.list()
    if not is_id(job_id):
        jobs = (job for one in projects for job in crawlset.jobs.list(one.id))
        found = find_by_id(job_id, jobs, "job", "crawlset jobs list")
        return crawlset.jobs.get(found.project_id, found.id)
    for candidate in projects:
        try:
            return crawlset.jobs.get(candidate.id, job_id)
        except ApiError as error:
            if project or error.status != NOT_FOUND:
                raise
    raise NotFoundHereError(f"There is no crawl job {job_id} in any of your projects.")


def deleted_project_id(crawlset: Crawlset, name_or_id: str) -> str:
    """
    The id of the deleted project that is meant; one in full is not looked up.

    Raises `NotFoundHereError` if there is none that can be restored, or several are meant.
    """
    if is_id(name_or_id):
        return name_or_id
    found = _named(name_or_id, list(crawlset.projects.list(deleted=True)))
    if found is None:
        raise NotFoundHereError(
            f"There is no deleted project named {name_or_id!r} that can be restored; "
            "`crawlset projects list --deleted` shows what there is."
        )
    return found.id


def find_deleted_job(crawlset: Crawlset, job_id: str, project: str | None = None) -> CrawlJob:
    """
    The deleted job with this id, as `find_job`; given in full, it may be restored already.

    Raises `NotFoundHereError`, or `UsageError` for what cannot be an id.
    """
    listing = "crawlset jobs list --deleted"
    _check(job_id, "job", listing)
    projects = [find_project(crawlset, project)] if project else list(crawlset.projects.list())
    jobs = (job for one in projects for job in crawlset.jobs.list(one.id, deleted=True))
    found = _like(job_id, jobs)
    if found:
        return _only(found, job_id, "job")
    if is_id(job_id):
        return find_job(crawlset, job_id, project)
    raise NotFoundHereError(
        f"There is no deleted job {job_id} that can be restored; `{listing}` shows what there is. "
        "A job of a deleted project comes back with the project."
    )


def find_by_id[R: Identified](given: str, records: Iterable[R], what: str, listing: str) -> R:
    """
    The one of `records` with this id, which may be given by its beginning or its end.

    Raises `NotFoundHereError` if it is none or several, and `UsageError`, which names the command
    `listing`, for what cannot be an id.
    """
    _check(given, what, listing)
    found = _like(given, records)
    if not found:
        raise NotFoundHereError(f"There is no {what} {given}; `{listing}` shows what there is.")
    return _only(found, given, what)


def full_id(given: str, records: Iterable[Identified], what: str, listing: str) -> str:
    """Find an id by a part of it, like `find_by_id`; one given in full is not looked up."""
    return given if is_id(given) else find_by_id(given, records, what, listing).id


def newest_validations(
    crawlset: Crawlset, job: CrawlJob
) -> tuple[ValidationJob | None, ValidationJob | None]:
    """The newest completed validation of `job`, and the newest that goes on beside or after it."""
    active = None
    for validation in crawlset.validations.list(job.project_id, job.id):
        if validation.status == "completed":
            return validation, active
        if active is None and not validation.is_final:
            active = validation
    return None, active


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def may_be_id(text: str) -> bool:
    """Whether it is an id, or as much of one as commands take for it."""
    return is_id(text) or PART_OF_ID.fullmatch(text.lower()) is not None


def _check(given: str, what: str, listing: str) -> None:
    if not may_be_id(given):
        raise UsageError(f"{given!r} is no id of a {what}; `{listing}` shows them.")


def _like[R: Identified](given: str, records: Iterable[R]) -> list[R]:
    if is_id(given):
        return [record for record in records if UUID(record.id) == UUID(given)]
    part = given.lower()
    return [r for r in records if r.id.startswith(part) or r.id.endswith(part)]


def _only[R: Identified](found: Sequence[R], given: str, what: str) -> R:
    if len(found) > 1:
        shown = ", ".join(record.id for record in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise AmbiguousIdError(
            f"{given!r} may mean {len(found)} {what}s; give more of the id: {shown}{more}."
        )
    return found[0]


def _project(crawlset: Crawlset, name_or_id: str) -> Project | None:
    """A project by name, or else by id; a name may look like a part of an id."""
    if is_id(name_or_id):
        return crawlset.projects.get(name_or_id)
    return _named(name_or_id, list(crawlset.projects.list()))


def _named(name_or_id: str, projects: Sequence[Project]) -> Project | None:
    found = [project for project in projects if project.name == name_or_id]
    if not found and may_be_id(name_or_id):
        found = _like(name_or_id, projects)
    return _only(found, name_or_id, "project") if found else None

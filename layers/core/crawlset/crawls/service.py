"""What a user may do with crawl jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset import licences, outbox
from crawlset.accounts import quotas
from crawlset.crawls import dispatch, listing, owned_hosts
from crawlset.crawls.list_schemas import list_options, reading_of
from crawlset.crawls.rechunking import rechunk
from crawlset.crawls.schemas import CrawlJobCreate
from crawlset.deletions import RestoreTooLateError
from crawlset.errors import ConflictError, UnprocessableError
from crawlset.images.repository import ImageRepository
from crawlset.jobs.chunk_repository import ChunkRepository
from crawlset.jobs.crawl_repository import CrawlRepository, lock_crawl_job
from crawlset.jobs.search_repository import SearchRepository
from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.kit.strict_json import from_json
from crawlset.models import CrawlJob, JobSearch, JobStatus, Project, WorkStatus
from crawlset.observability import logger
from crawlset.pipeline import service as pipeline
from crawlset.projects.repository import ProjectRepository
from crawlset.settings import MAX_CANDIDATES, source_settings
from crawlset.sources import catalogue, lists, registry
from crawlset.uploads import service as uploads
from crawlset.wire import keys
from crawlset.wire.searches import Expansion, ManifestFormat, SearchRequest

DEFAULT_MAX_IMAGES = 1_000
IMAGES_SETTLED_AT_ONCE = 20_000


class CrawlJobFinishedError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Crawl job {job.id} is {job.status} already.")


class CrawlJobActiveError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Crawl job {job.id} is {job.status}; cancel it or wait for it first.")


class CrawlJobCancelledError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Crawl job {job.id} was cancelled; retry it first.")


class NothingToRetryError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Nothing in crawl job {job.id} would end otherwise if tried again.")


class NothingToRecrawlError(ConflictError):
    def __init__(self, job: CrawlJob) -> None:
        super().__init__(f"Crawl job {job.id} has no stored picture to ask for again.")


@dataclass(frozen=True, slots=True)
class Created:
    """A crawl job that was just made, and all that it has by now."""

    job: CrawlJob
    project: Project
    searches: Sequence[JobSearch]


def create(
    session: Session,
    user_id: UUID,
    project_id: UUID,
    request: CrawlJobCreate,
    *,
    schedule_id: UUID | None = None,
) -> Created:
    """
    Create a crawl job and queue its searches; `schedule_id` says which schedule starts it.

    A list of URLs is stored before anything is locked; an object without a job expires.

    Raises:
        UnprocessableError: sources, keywords, list, licences or rules that make no job.
        NotFoundError: the caller has no such project, or not what a rule names.
        ImagesExceededError: more images than a job of the account may try; without a number
            it tries as many as it may.
        ActiveJobsExceededError, StoredBytesExceededError: the account is full.
    """
    check(session, user_id, request)
    listed = listing.store(session, user_id, request)
    project = ProjectRepository(session).hold(user_id, project_id)
    max_images = quotas.reserve(session, user_id, request.max_images, usual_images(request))
    if listed is not None:
        uploads.keep(session, user_id, project_id, listed.uploads)
    job = db.insert_row(
        session,
        CrawlJob,
        id=new_id(),
        user_id=user_id,
        project_id=project_id,
        schedule_id=schedule_id,
        name=request.name,
        keywords=request.keywords,
        sources=request.sources,
        max_images=max_images,
        policy={
            "licences": request.licences,
            "intended_use": request.intended_use,
            "expansion": request.expansion.model_dump(),
            "fetch": request.policy.model_dump(),
            "per_host": request.per_host,
            "resize": request.resize.model_dump(mode="json") if request.resize else None,
            "intake": {"formats": request.formats, "transcode": request.transcode},
            "keep_location": request.keep_location,
            "list": list_options(request),
        },
        validation_rules=request.validation_rules,
        export_request=request.export,
        status=JobStatus.pending,
    )
    searches = SearchRepository(session).add(
        job,
        _searches(request, job.max_images, listed),
        bytes_total=listed.n_bytes if listed else None,
    )
    outbox.post(session, [dispatch.discover_message(job, search) for search in searches])
    logger.info("crawl_job_created", job_id=str(job.id), searches=len(searches))
    return Created(job, project, searches)


def check(session: Session, user_id: UUID, request: CrawlJobCreate) -> None:
    """
    Refuse a request that no crawl job of this user's could be made of.

    Raises:
        UnprocessableError: sources, keywords, list, licences or rules that make no job, or a
            host that would be asked faster and is not owned.
        NotFoundError: a rule names a crawl job or an export that the user does not have.
    """
    for name in request.sources:
        source = registry.get_source(name)
        registry.check_use(source, request.intended_use)
        registry.get_adapter(source, source_settings())
    if not request.sources:
        raise UnprocessableError("Name at least one source to search.", "/sources")
    if len(set(request.sources)) < len(request.sources):
        raise UnprocessableError("A source is named twice.", "/sources")
    for choice in request.licences:
        licences.parse_choice(choice)
    if len(set(request.keywords)) < len(request.keywords):
        raise UnprocessableError("A keyword is named twice.", "/keywords")
    if request.expansion.suggestions and not source_settings().expansion_model_id:
        raise UnprocessableError(
            "This deployment names no model that could suggest queries.", "/expansion/suggestions"
        )
    _check_list(request)
    owned_hosts.check(session, user_id, request.per_host)
    if request.resize and request.transcode not in {None, request.resize.format}:
        raise UnprocessableError(
            f"Pictures that are resized are stored as {request.resize.format}; transcode can only"
            " say the same.",
            "/transcode",
        )
    pipeline.check(session, user_id, request.validation_rules, request.export)


def _check_list(request: CrawlJobCreate) -> None:
    """Refuse a list where keywords are searched for, and the other way round."""
    given_lists = request.given_lists()
    has_list = bool(given_lists)
    if len(given_lists) > 1:
        raise UnprocessableError(
            f"Give one of {', '.join(given_lists)} only.", f"/{given_lists[-1]}"
        )
    if request.list_uri is not None:
        lists.check_uri(request.list_uri, source_settings())
    if request.manifest_format is not None and request.lists is not None:
        raise UnprocessableError("Each of lists has its own manifest_format.", "/manifest_format")
    if has_list != any(map(catalogue.is_list, request.sources)):
        raise UnprocessableError(
            "A list (urls, upload_id, lists or list_uri) and a source of lists, such as 'urls', go"
            " together.",
            "/sources",
        )
    if has_list and (len(request.sources) > 1 or request.keywords):
        raise UnprocessableError("A list of URLs takes no keywords and no other source.", "/urls")
    is_file = has_list and request.urls is None
    if not is_file and (given := list_options(request)):
        name = next(iter(given))
        raise UnprocessableError(f"{name} is for a list that was uploaded.", f"/{name}")
    if not has_list and not request.keywords:
        raise UnprocessableError("Give at least one keyword to search for.", "/keywords")


def usual_images(request: CrawlJobCreate) -> int:
    """How many a job tries that names no number."""
    return MAX_CANDIDATES if any(map(catalogue.is_list, request.sources)) else DEFAULT_MAX_IMAGES


def _searches(
    request: CrawlJobCreate, max_images: int, listed: listing.Listed | None
) -> Iterator[SearchRequest]:
    """One search per keyword and source; the limits add up to `max_images`."""
    if listed is not None:
        yield SearchRequest(
            source=request.sources[0],
            manifest_key=listed.manifest_key,
            manifest_format=request.manifest_format
            or (ManifestFormat.jsonl if request.urls else None),
            lists_key=listed.lists_key,
            list_uri=request.list_uri,
            limit=max_images,
            licences=tuple(request.licences),
            intended_use=request.intended_use,
            reading=reading_of(request),
        )
        return
    for source, keyword, limit in shares(request, max_images):
        yield SearchRequest(
            source=source,
            keyword=keyword,
            limit=limit,
            licences=tuple(request.licences),
            intended_use=request.intended_use,
            expansion=from_json(Expansion, request.expansion.model_dump(mode="json")),
        )


def shares(request: CrawlJobCreate, max_images: int) -> Iterator[tuple[str, str, int]]:
    """Source, keyword and limit of each search; the limits add up to `max_images`."""
    pairs = [(keyword, source) for keyword in request.keywords for source in request.sources]
    for place, (keyword, source) in enumerate(pairs):
        limit = max_images // len(pairs) + (place < max_images % len(pairs))
        if limit:
            yield source, keyword, limit


def cancel(session: Session, project_id: UUID, job_id: UUID) -> CrawlJob:
    """
    Cancel the job: what is fetched stays, what is open ends as cancelled, fetchers stop soon.

    A job that is only crawled again is complete as before. It is locked also against plans that
    are adding chunks.

    Raises:
        NotFoundError: the caller's project has no such job.
        CrawlJobFinishedError: it has ended.
    """
    job = lock_crawl_job(session, project_id, job_id)
    repository = CrawlRepository(session)
    if ChunkRepository(session).is_only_recrawled(job):
        repository.finish(job, JobStatus.completed)
        ChunkRepository(session).cancel_unfinished(job)
        logger.info("recrawl_cancelled", job_id=str(job.id))
        return job
    if not repository.finish(job, JobStatus.cancelled):
        raise CrawlJobFinishedError(job)
    SearchRepository(session).settle(job, WorkStatus.cancelled)
    ChunkRepository(session).cancel_unfinished(job)
    ImageRepository(session).cancel_left_over(IMAGES_SETTLED_AT_ONCE, job)
    tombstone = keys.cancelled(job.id, job.run)
    db.after_commit(session, lambda: objects.put(tombstone, b""))
    logger.info("crawl_job_cancelled", job_id=str(job.id))
    return job


def retry(session: Session, project_id: UUID, job_id: UUID) -> CrawlJob:
    """
    Try again what failed and may end otherwise, and what was cancelled.

    Images in new chunks, at most 20,000 at once, which is what a request has time for; searches
    as they were. Fetchers that a cancel has not stopped yet settle nothing: their chunks ended.

    Raises:
        NotFoundError: the caller's project has no such job.
        CrawlJobActiveError: the job has not ended.
        NothingToRetryError: every failure is final, and nothing was cancelled.
        ActiveJobsExceededError, StoredBytesExceededError: the account is full.
    """
    job = _lock_ended(session, project_id, job_id)
    images = ImageRepository(session).list_retryable(job, IMAGES_SETTLED_AT_ONCE)
    searches = [
        search
        for search in SearchRepository(session).list_of(job)
        if search.status in {WorkStatus.failed, WorkStatus.cancelled}
        and dispatch.is_readable(search)
    ]
    if not images and not searches:
        raise NothingToRetryError(job)
    quotas.reserve(session, job.user_id, None, job.max_images)
    CrawlRepository(session).reopen(job)
    for search in searches:
        search.status, search.error_message, search.not_before = WorkStatus.queued, None, None
        search.n_failures, search.last_error, search.next_attempt_at = 0, None, None
        search.failed_at = None
        search.attempt += 1
        search.planned_parts, search.n_parts = [], None
        search.n_repeated, search.n_altered, search.n_skipped = 0, 0, 0
        search.n_pauses, search.n_unread, search.unread_lists = 0, 0, None
        search.n_rows_read, search.bytes_read = 0, 0
    session.flush()
    outbox.post(session, [dispatch.discover_message(job, search) for search in searches])
    ImageRepository(session).reopen([id_ for id_, _, _ in images])
    _dispatch_anew(session, job, images, is_recrawl=False)
    logger.info("crawl_job_retried", job_id=str(job.id), images=len(images))
    return job


def recrawl(session: Session, project_id: UUID, job_id: UUID) -> CrawlJob:
    """
    Ask for the stored pictures again, to see which are unchanged, replaced or gone.

    At most 20,000 at once: those that were never checked, or longest ago.

    Raises:
        NotFoundError: the caller's project has no such job.
        CrawlJobActiveError: the job has not ended.
        CrawlJobCancelledError: the job was cancelled.
        NothingToRecrawlError: nothing is stored.
        ActiveJobsExceededError, StoredBytesExceededError: the account is full.
    """
    job = _lock_ended(session, project_id, job_id)
    if job.status is JobStatus.cancelled:
        raise CrawlJobCancelledError(job)
    images = ImageRepository(session).list_stored(job, IMAGES_SETTLED_AT_ONCE)
    if not images:
        raise NothingToRecrawlError(job)
    quotas.reserve(session, job.user_id, None, job.max_images)
    CrawlRepository(session).reopen(job, recrawled_at=func.now())
    _dispatch_anew(session, job, images, is_recrawl=True)
    logger.info("crawl_job_recrawled", job_id=str(job.id), images=len(images))
    return job


def _lock_ended(session: Session, project_id: UUID, job_id: UUID) -> CrawlJob:
    """Wait for whoever settles work of this job, then see that it has ended."""
    job = lock_crawl_job(session, project_id, job_id, key_share=True)
    if not job.status.is_final:
        raise CrawlJobActiveError(job)
    return job


def _dispatch_anew(
    session: Session, job: CrawlJob, images: Sequence[tuple[int, UUID, str]], *, is_recrawl: bool
) -> None:
    """New chunks for `images`, given as (id, chunk, host), queued after the commit."""
    places = [(id_, host) for id_, _, host in images]
    ImageRepository(session).renew_allowance([id_ for id_, _ in places])
    chunk_ids = rechunk(session, job, places, is_recrawl=is_recrawl)
    ChunkRepository(session).recount({chunk_id for _, chunk_id, _ in images})
    dispatch.dispatch_after_commit(session, job, chunk_ids)


def delete(session: Session, project_id: UUID, job_id: UUID, grace_hours: int) -> CrawlJob:
    """
    Hide a finished job with everything known of it, and remove it when its grace is over.

    Raises:
        NotFoundError: the caller's project has no such job.
        CrawlJobActiveError: it has not ended.
    """
    job = _lock_ended(session, project_id, job_id)
    with db.showing_deleted(session):
        CrawlRepository(session).delete(job, grace_hours)
    logger.info("crawl_job_deleted", job_id=str(job.id), grace_hours=grace_hours)
    return job


def restore(session: Session, user_id: UUID, project_id: UUID, job_id: UUID) -> CrawlJob:
    """
    Take the deletion of a job back: it is as it was. One that is not deleted stays as it is.

    Raises:
        NotFoundError: the caller's project is deleted, or has no such job any more.
        RestoreTooLateError: it is being removed.
    """
    ProjectRepository(session).hold(user_id, project_id)
    with db.showing_deleted(session):
        job = lock_crawl_job(session, project_id, job_id)
        if job.deleted_at is None:
            return job
        if not CrawlRepository(session).restore(job):
            raise RestoreTooLateError("crawl job", job)
    logger.info("crawl_job_restored", job_id=str(job.id))
    return job

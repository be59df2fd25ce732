"""Turn an object of candidates into rows and chunks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from crawlset import outbox
from crawlset.crawls import dispatch, finishing, lanes, owned_hosts
from crawlset.crawls.planner import LANE_URLS, LANES_PER_HOST, PlannedChunk, plan
from crawlset.crawls.repository import CandidateRepository, Inserted, Placed
from crawlset.images.repository import ImageRepository
from crawlset.jobs.crawl_repository import CrawlRepository
from crawlset.jobs.search_repository import SearchRepository
from crawlset.kit import db, objects
from crawlset.kit.ids import new_id
from crawlset.kit.strict_json import to_json
from crawlset.models import UNFINISHED, CrawlJob, JobChunk, JobSearch, WorkStatus
from crawlset.observability import logger, metrics
from crawlset.outcomes import Outcome
from crawlset.settings import CANDIDATES_PER_PART
from crawlset.takedowns.blocklist import Blocklist, Sighting
from crawlset.takedowns.repository import TakedownRepository
from crawlset.urls.spelling import host_of
from crawlset.wire import keys
from crawlset.wire.candidates import CandidateLine, PartHead
from crawlset.wire.record import unpack
from crawlset.wire.searches import Deferral

REPEATED_AFTER = timedelta(minutes=6)
"""A FIFO queue takes a message again that it had more than five minutes ago."""
MAX_ERROR = 2_000


def plan_part(key: str) -> int:
    """
    Plan the candidates in one object: rows, chunks, messages. Say how many were new to the job.

    The same object planned twice changes nothing the second time.
    """
    part = keys.parse_candidates(key)
    head, candidates = unpack(PartHead, CandidateLine, objects.get_lines(key))
    with db.transaction() as session:
        job = CrawlRepository(session).find(part.job_id)
        if job is None:
            logger.info("part_without_job", key=key)
            return 0
        CrawlRepository(session).share(job)
        search = SearchRepository(session).lock(job, part.search_id)
        if job.status.is_final or search is None or search.status not in UNFINISHED:
            return 0
        CrawlRepository(session).start(job)
        _refuse_taken_down(session, job, candidates)
        further = [candidate for candidate in candidates if candidate.is_further]
        if further:
            CandidateRepository(session).add_further(job, further)
            candidates = [candidate for candidate in candidates if not candidate.is_further]
        goes_on = part.part == 0 and head.n_parts is None
        chunk_ids, n_new, n_of_others = _insert(session, job, candidates, goes_on=goes_on)
        search.n_candidates += n_new
        if head.run == job.run:
            if part.part not in search.planned_parts:
                search.n_repeated += head.n_repeated + n_of_others
                search.n_altered += head.n_altered
                search.n_skipped += head.n_skipped
            _note_part(search, part.part, head)
            _note_reading(search, head)
        session.flush()
        if not chunk_ids:
            finishing.finish_if_done(session, job)
    n_queued = dispatch.dispatch(job.user_id, part.job_id, chunk_ids)
    logger.info(
        "part_planned",
        job_id=str(part.job_id),
        search_id=str(part.search_id),
        part=part.part,
        candidates=len(candidates),
        new=n_new,
        chunks=n_queued,
    )
    metrics.add_metric(name="CandidatesPlanned", unit="Count", value=n_new)
    return n_new


def defer(key: str) -> None:
    """
    Note what the search waits for that `key` is about, unless it has moved since.

    One that is handed back is sent again when its time has come; others wait in their queue.
    """
    deferral = Deferral.from_json(next(objects.get_lines(key), None))
    with db.transaction() as session:
        job = CrawlRepository(session).find(deferral.job_id)
        if job is None:
            return
        search = SearchRepository(session).lock(job, deferral.search_id)
        if search is None or search.status not in UNFINISHED or search.attempt > deferral.attempt:
            return
        if deferral.n_pauses:
            _go_on(session, job, search, deferral.n_pauses)
            return
        _note_failure(search, deferral)
    logger.info("search_deferred", search_id=str(deferral.search_id), seconds=deferral.seconds)


def _go_on(session: Session, job: CrawlJob, search: JobSearch, n_pauses: int) -> None:
    """Send a search again that has made way for others; the same pause sends it once."""
    if n_pauses > search.n_pauses:
        search.n_pauses = n_pauses
        search.last_error = search.next_attempt_at = None
        outbox.post(session, [dispatch.discover_message(job, search)])


def _note_failure(search: JobSearch, deferral: Deferral) -> None:
    """The same one noted twice, or late, changes nothing."""
    failed_at = deferral.failed_at
    if failed_at is not None and search.failed_at is not None and failed_at <= search.failed_at:
        return
    wait = timedelta(seconds=deferral.seconds)
    if deferral.is_handed_back:
        wait = max(wait, REPEATED_AFTER)
        search.status, search.not_before = WorkStatus.pending, func.now() + wait
    search.n_failures += 1
    search.failed_at = failed_at
    search.last_error = deferral.error and deferral.error[:MAX_ERROR]
    search.next_attempt_at = func.now() + wait


def _note_part(search: JobSearch, part: int, head: PartHead) -> None:
    """Tick off a part; the last one of the latest attempt says how many there are, or why none."""
    search.queries = to_json(head.queries)
    search.next_attempt_at = None
    search.planned_parts = sorted({*search.planned_parts, part})
    if head.n_parts is not None and head.attempt >= search.attempt:
        search.n_parts = head.n_parts
        search.error_message = head.error.message[:MAX_ERROR] if head.error else None
    if search.n_parts is not None and set(range(search.n_parts)) <= set(search.planned_parts):
        search.status = WorkStatus.failed if search.error_message else WorkStatus.completed
        search.last_error = None


def _note_reading(search: JobSearch, head: PartHead) -> None:
    """Note how much of a list has been read: parts come in any order."""
    read = head.read
    if read is None:
        return
    search.n_rows_read = max(search.n_rows_read, read.n_rows)
    search.bytes_read = max(search.bytes_read, read.n_bytes)
    search.bytes_total = max(search.bytes_total or 0, read.total_bytes)
    if read.n_unread > search.n_unread:
        search.n_unread, search.unread_lists = read.n_unread, to_json(read.unread)


def _refuse_taken_down(
    session: Session, job: CrawlJob, candidates: Iterable[CandidateLine]
) -> None:
    blocklist = Blocklist(TakedownRepository(session).list_in_force(job.project_id))
    if not blocklist:
        return
    for candidate in candidates:
        seen = Sighting(candidate.url, landing_url=candidate.landing_url, creator=candidate.creator)
        if blocklist.find(seen) is not None:
            candidate.refused = Outcome.refused_takedown


def _insert(
    session: Session, job: CrawlJob, candidates: Sequence[CandidateLine], *, goes_on: bool
) -> tuple[list[UUID], int, int]:
    """
    Insert what is new to the job, in chunks; `goes_on` if they are the small beginning of a search.

    Gives the chunks to fetch, how many are new, and how many the job has from another search.
    """
    if not candidates:
        return [], 0, 0
    refused = [c for c in candidates if c.refused]
    wanted = [c for c in candidates if not c.refused]
    hosts = [host_of(candidate.url) for candidate in wanted]
    placed: list[Placed] = []
    chunks: list[JobChunk] = []
    known = ImageRepository(session).count_hosts(job, _recurring(hosts), LANE_URLS)
    per_host = owned_hosts.allowed(session, job)
    others = [host for host in hosts if host not in per_host]
    leads = lanes.leads(session, others, known, _most_without_lanes(len(hosts), goes_on=goes_on))
    for planned in plan(hosts, leads, per_host):
        chunk = _chunk(job, planned, WorkStatus.pending)
        chunks.append(chunk)
        placed += (
            (chunk.id, ordinal, wanted[place], hosts[place])
            for ordinal, place in enumerate(planned.members)
        )
    if refused:
        planned = PlannedChunk(None, [*range(len(refused))])
        chunk = _chunk(job, planned, WorkStatus.completed)
        chunks.append(chunk)
        placed += ((chunk.id, n, c, host_of(c.url)) for n, c in enumerate(refused))
    session.add_all(chunks)
    session.flush()
    inserted, n_of_others = CandidateRepository(session).add_new(job, placed)
    n_new = sum(n for n, _ in inserted.values())
    return _keep_filled(session, chunks, inserted), n_new, n_of_others


def _recurring(hosts: Sequence[str]) -> list[str]:
    """
    The hosts that may be busy for reasons beyond this part.

    A host with as many candidates in a full part as it could have lanes is in so many of its fifty
    chunks: about as many fetchers ask it at once as in lanes, without chunks of two URLs.
    """
    counts = Counter(hosts)
    fewest = LANES_PER_HOST + 1 if len(hosts) > CANDIDATES_PER_PART // 2 else 1
    return [host for host, n in counts.items() if fewest <= n <= LANE_URLS]


def _most_without_lanes(n_candidates: int, *, goes_on: bool) -> int:
    """
    Candidates of one host that are asked without a lane.

    A host of a search's beginning counts as if a full part went on like that: once there are lanes
    of it, whoever asks it besides comes on top.
    """
    return LANE_URLS * n_candidates // CANDIDATES_PER_PART if goes_on else LANE_URLS


def _chunk(job: CrawlJob, planned: PlannedChunk, status: WorkStatus) -> JobChunk:
    return JobChunk(
        id=new_id(),
        user_id=job.user_id,
        crawl_job_id=job.id,
        lane=planned.lane,
        per_host=planned.per_host,
        status=status,
        n_urls=len(planned.members),
        finished_at=func.now() if status is WorkStatus.completed else None,
    )


def _keep_filled(
    session: Session,
    chunks: Sequence[JobChunk],
    inserted: dict[UUID, Inserted],
) -> list[UUID]:
    """Forget chunks none of whose candidates were new; give those that are to be fetched."""
    to_fetch = []
    for chunk in chunks:
        if chunk.id not in inserted:
            session.delete(chunk)
            continue
        chunk.n_urls, chunk.outcomes = inserted[chunk.id]
        if chunk.status is WorkStatus.pending:
            to_fetch.append(chunk.id)
    session.flush()
    return to_fetch

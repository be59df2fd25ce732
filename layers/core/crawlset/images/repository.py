"""Every query about candidates and what became of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    LargeBinary,
    and_,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from crawlset.jobs.crawl_repository import require_both, with_crawl_job
from crawlset.kit import ahead, db
from crawlset.kit.paging import Order, Slice
from crawlset.kit.recordset import recordset
from crawlset.models import CrawlJob, Image, JobChunk, WorkStatus
from crawlset.outcomes import Change, ImageStatus, Outcome

LATELY = timedelta(days=2)
COUNT_HOSTS = text(
    """
    SELECT host, n
    FROM unnest(CAST(:hosts AS text[])) AS host, LATERAL (
        SELECT count(*) AS n FROM (
            SELECT FROM images
            WHERE crawl_job_id = :job_id AND images.host = host.host LIMIT :most
        ) AS few
    ) AS counted
    WHERE n > 0
    """
)


class Keeper(NamedTuple):
    """A stored image and the place of its bytes."""

    id: int
    pack_key: str | None
    pack_offset: int | None
    pack_length: int | None


class Open(NamedTuple):
    """An image that waits for what becomes of it."""

    id: int
    host: str
    n_deferrals: int


class Work(NamedTuple):
    """Columns of an image that say what a fetcher is told of it."""

    chunk_id: UUID
    ordinal: int
    url: str
    status: ImageStatus
    n_retries: int
    etag: str | None
    last_modified: str | None
    expected_hash: str | None
    sha256: bytes | None
    phash: int | None
    colours: int | None
    transform: dict[str, Any] | None


WORK = [getattr(Image, name) for name in Work._fields]


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which candidates a list is of; None for any."""

    status: ImageStatus | None = None
    outcome: Outcome | None = None
    change: Change | None = None
    keyword: str | None = None
    source: str | None = None

    def values(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class ImageRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def require(self, project_id: UUID, job_id: UUID, image_id: int) -> tuple[CrawlJob, Image]:
        """
        Raises:
            NotFoundError: the caller's project has no such job, or the job has no such candidate.
        """
        statement = with_crawl_job(project_id, job_id, Image, image_id)
        job, image = require_both(self.session, statement, job_id, "image", image_id)
        return job, image

    def list_some(self, job: CrawlJob, ids: Collection[int]) -> Sequence[Image]:
        return self.session.scalars(
            select(Image).where(Image.crawl_job_id == job.id, Image.id.in_(ids))
        ).all()

    def list_work(self, chunks: Sequence[JobChunk]) -> dict[UUID, list[Work]]:
        """What is still to fetch, by chunk and in order; of a re-crawl what is stored."""
        work: dict[UUID, list[Work]] = {chunk.id: [] for chunk in chunks}
        recrawls = [chunk.id for chunk in chunks if chunk.is_recrawl]
        images = self.session.execute(
            select(*WORK)
            .where(
                Image.chunk_id.in_(work),
                or_(
                    Image.status == ImageStatus.pending,
                    and_(Image.status == ImageStatus.stored, Image.chunk_id.in_(recrawls)),
                ),
            )
            .order_by(Image.chunk_id, Image.ordinal)
        )
        for image in map(Work._make, images):
            work[image.chunk_id].append(image)
        return work

    def count_hosts(self, job: CrawlJob, hosts: Sequence[str], most: int) -> dict[str, int]:
        """How many candidates of each host the job has; counted up to `most`, as it may be all."""
        rows = self.session.execute(
            COUNT_HOSTS, {"job_id": job.id, "hosts": list(hosts), "most": most}
        )
        return {host: n for host, n in rows}  # noqa: C416 - rows are no pairs to mypy

    def open_by_ordinal(self, chunk: JobChunk) -> dict[int, Open]:
        """What an outcome of the chunk may settle."""
        rows = self.session.execute(
            select(Image.ordinal, Image.id, Image.host, Image.n_deferrals).where(
                Image.chunk_id == chunk.id, Image.status == _open_status(chunk)
            )
        )
        return {ordinal: Open(id_, host, n_deferrals) for ordinal, id_, host, n_deferrals in rows}

    def stored_by_sha256(self, job: CrawlJob, digests: Collection[bytes]) -> dict[bytes, int]:
        rows = self.session.execute(
            select(Image.sha256, Image.id).where(
                Image.crawl_job_id == job.id,
                Image.status == ImageStatus.stored,
                Image.sha256 == any_(literal([*digests], ARRAY(LargeBinary))),
            )
        )
        return {digest: id_ for digest, id_ in rows if digest is not None}

    def settle(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write what became of each that was pending; `id` says which, all have the same keys."""
        self._write(rows, ImageStatus.pending, downloaded_at=func.now())

    def renew(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Settle stored images that were reopened and have been fetched anew."""
        self._write(rows, ImageStatus.pending, downloaded_at=func.now(), checked_at=func.now())

    def list_duplicated(self, ids: Collection[int]) -> Sequence[Keeper]:
        """Where the bytes lie of those that other images are duplicates of."""
        duplicate = aliased(Image)
        rows = self.session.execute(
            select(Image.id, Image.pack_key, Image.pack_offset, Image.pack_length).where(
                Image.id.in_(ids),
                exists().where(
                    duplicate.crawl_job_id == Image.crawl_job_id,
                    duplicate.duplicate_of == Image.id,
                ),
            )
        )
        return [Keeper(*row) for row in rows]

    def list_packs(self, ids: Collection[int]) -> set[str]:
        """Where the bytes of these lie."""
        packs = self.session.scalars(
            select(Image.pack_key).where(Image.id.in_(ids), Image.pack_key.is_not(None)).distinct()
        )
        return {key for key in packs if key is not None}

    def promote_duplicate(self, keeper: Keeper) -> str | None:
        """
        Have the first duplicate of what was `keeper` keep its bytes, for the others as well.

        Gives the pack in which its own copy lies, that nobody needs any more.
        """
        duplicates = self.session.scalars(
            select(Image)
            .where(Image.duplicate_of == keeper.id, Image.status == ImageStatus.duplicate)
            .order_by(Image.id)
        ).all()
        if not duplicates:
            return None
        first, *others = duplicates
        if first.sha256 is None:
            return None
        holder = self.session.scalar(
            select(Image.id).where(
                Image.crawl_job_id == first.crawl_job_id,
                Image.sha256 == first.sha256,
                Image.status == ImageStatus.stored,
            )
        )
        if holder is not None:
            for duplicate in duplicates:
                duplicate.duplicate_of = holder
            self.session.flush()
            return None
        first.status, first.outcome = ImageStatus.stored, Outcome.stored
        first.duplicate_of = None
        first.pack_key = keeper.pack_key
        first.pack_offset, first.pack_length = keeper.pack_offset, keeper.pack_length
        for other in others:
            other.duplicate_of = first.id
        self.session.flush()
        chunk = self.session.get_one(JobChunk, first.chunk_id)
        self.count(chunk)
        self.session.flush()
        return chunk.pack_key

    def note_check(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write what a re-crawl found of those whose bytes stay."""
        self._write(rows, ImageStatus.stored, checked_at=func.now())

    def note_failed_check(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write why a re-crawl found nothing out."""
        self._write(rows, ImageStatus.stored)

    def note_deferral(self, chunk: JobChunk, rows: Sequence[Mapping[str, Any]]) -> None:
        self._write(rows, _open_status(chunk))

    def _write(self, rows: Sequence[Mapping[str, Any]], status: ImageStatus, **values: Any) -> None:
        if not rows:
            return
        given = recordset(Image.__table__, rows)
        columns = {name: value for name, value in given.items() if name != "id"}
        self.session.execute(
            update(Image)
            .where(Image.id == given["id"], Image.status == status)
            .values(**values, **columns)
            .execution_options(synchronize_session=False)
        )

    def detail_of_any(self, job: CrawlJob, outcome: Outcome) -> str | None:
        """What is said of one of the images that ended so."""
        return self.session.scalar(
            select(Image.detail)
            .where(Image.crawl_job_id == job.id, Image.outcome == outcome)
            .limit(1)
        )

    def settle_rest(self, chunk_id: UUID, outcome: Outcome, detail: str | None) -> int:
        """Settle what a chunk leaves open, all alike; say how many there were."""
        return len(
            self.session.execute(
                update(Image)
                .where(Image.chunk_id == chunk_id, Image.status == ImageStatus.pending)
                .values(status=outcome.status, outcome=outcome, detail=detail)
                .returning(Image.id)
                .execution_options(synchronize_session=False)
            ).all()
        )

    def cancel_left_over(self, limit: int, job: CrawlJob | None = None) -> int:
        """Settle up to `limit` open images of chunks cancelled lately; say how many."""
        chunks = select(JobChunk.id).where(
            JobChunk.status == WorkStatus.cancelled, JobChunk.finished_at > func.now() - LATELY
        )
        if job is not None:
            chunks = chunks.where(JobChunk.crawl_job_id == job.id)
        open_ = (
            select(Image.id)
            .where(Image.chunk_id.in_(chunks), Image.status == ImageStatus.pending)
            .limit(limit)
        )
        return len(
            self.session.execute(
                update(Image)
                .where(Image.id.in_(open_))
                .values(status=ImageStatus.cancelled, outcome=Outcome.cancelled)
                .returning(Image.id)
                .execution_options(synchronize_session=False)
            ).all()
        )

    def count(self, chunk: JobChunk) -> int:
        """
        Make the counts of the chunk those of its images; say how many of them are open.

        What a cancelled chunk has still open counts as cancelled, which it is about to be.
        """
        rows = self.session.execute(
            select(
                Image.outcome,
                func.count(),
                func.sum(Image.file_size).filter(Image.status == ImageStatus.stored),
            )
            .where(Image.chunk_id == chunk.id)
            .group_by(Image.outcome)
        ).all()
        open_as = Outcome.cancelled if chunk.status is WorkStatus.cancelled else None
        outcomes: Counter[str] = Counter()
        for outcome, n, _ in rows:
            if (counted := outcome or open_as) is not None:
                outcomes[counted.value] += n
        chunk.n_urls = sum(n for _, n, _ in rows)
        chunk.outcomes = dict(outcomes)
        chunk.bytes_stored = int(sum(n_bytes or 0 for _, _, n_bytes in rows))
        return sum(n for outcome, n, _ in rows if outcome is None)

    def list_retryable(self, job: CrawlJob, limit: int) -> Sequence[tuple[int, UUID, str]]:
        """(id, chunk, host) of what may end otherwise when tried again, the cancelled included."""
        rows = self.session.execute(
            select(Image.id, Image.chunk_id, Image.host)
            .where(
                Image.crawl_job_id == job.id,
                Image.outcome.in_([outcome for outcome in Outcome if outcome.is_retryable]),
            )
            .order_by(Image.id)
            .limit(limit)
        )
        return [(id_, chunk_id, host) for id_, chunk_id, host in rows]

    def list_stored(self, job: CrawlJob, limit: int) -> Sequence[tuple[int, UUID, str]]:
        """(id, chunk, host) of what is stored; first what was never checked, or longest ago."""
        rows = self.session.execute(
            select(Image.id, Image.chunk_id, Image.host)
            .where(Image.crawl_job_id == job.id, Image.status == ImageStatus.stored)
            .order_by(Image.checked_at.nulls_first(), Image.id)
            .limit(limit)
        )
        return [(id_, chunk_id, host) for id_, chunk_id, host in rows]

    def reopen(self, ids: Collection[int]) -> None:
        """Settled -> pending."""
        ahead.send(
            self.session,
            update(Image)
            .where(Image.id.in_(ids))
            .values(status=ImageStatus.pending, outcome=None, detail=None)
            .execution_options(synchronize_session=False),
        )

    def renew_allowance(self, ids: Collection[int]) -> None:
        """Forget how often they were tried again and put off."""
        ahead.send(
            self.session,
            update(Image)
            .where(Image.id.in_(ids))
            .values(n_retries=0, n_deferrals=0)
            .execution_options(synchronize_session=False),
        )

    def move_to_chunks(self, places: Sequence[Mapping[str, Any]]) -> None:
        """Give images another place: `id`, `chunk_id`, `ordinal` of each."""
        if not places:
            return
        given = recordset(Image.__table__, places)
        ahead.send(
            self.session,
            update(Image)
            .where(Image.id == given["id"])
            .values(chunk_id=given["chunk_id"], ordinal=given["ordinal"])
            .execution_options(synchronize_session=False),
        )

    def list_page(
        self,
        job: CrawlJob,
        wanted: ImageFilter,
        after: str | None,
        limit: int,
        order: Order = Order.oldest,
    ) -> Slice[Image]:
        statement = select(Image).where(Image.crawl_job_id == job.id)
        statement = statement.filter_by(**wanted.values())
        return db.list_page(self.session, statement, Image.id, after, limit, order)


def _open_status(chunk: JobChunk) -> ImageStatus:
    """What the images are that an outcome of the chunk may settle."""
    return ImageStatus.stored if chunk.is_recrawl else ImageStatus.pending

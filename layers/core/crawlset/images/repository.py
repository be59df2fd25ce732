"""Every query about candidates and what became of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from crawlset.errors import NotFoundError
from crawlset.kit.paging import Slice, cut
from crawlset.models import CrawlJob, Image, JobChunk, WorkStatus
from crawlset.outcomes import ImageStatus, Outcome

LATELY = timedelta(days=2)


class ImageRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def require(self, job: CrawlJob, image_id: int) -> Image:
        """
        Raises:
            NotFoundError: the job has no such candidate.
        """
        image = self.session.scalar(
            select(Image).where(Image.id == image_id, Image.crawl_job_id == job.id)
        )
        if image is None:
            raise NotFoundError("image", image_id)
        return image

    def list_urls(self, chunk_ids: Collection[UUID]) -> dict[UUID, list[tuple[int, str]]]:
        """(ordinal, URL) of what is still to fetch, by chunk and in order."""
        urls: dict[UUID, list[tuple[int, str]]] = {chunk_id: [] for chunk_id in chunk_ids}
        rows = self.session.execute(
            select(Image.chunk_id, Image.ordinal, Image.url)
            .where(Image.chunk_id.in_(chunk_ids), Image.status == ImageStatus.pending)
            .order_by(Image.chunk_id, Image.ordinal)
        )
        for chunk_id, ordinal, url in rows:
            urls[chunk_id].append((ordinal, url))
        return urls

    def count_hosts(self, job: CrawlJob, hosts: Sequence[str]) -> dict[str, int]:
        """How many candidates of each host the job has."""
        rows = self.session.execute(
            select(Image.host, func.count())
            .where(Image.crawl_job_id == job.id, Image.host == func.any(hosts))
            .group_by(Image.host)
        )
        return {host: n for host, n in rows}  # noqa: C416 - rows are no pairs to mypy

    def ids_by_ordinal(self, chunk_id: UUID) -> dict[int, int]:
        rows = self.session.execute(
            select(Image.ordinal, Image.id).where(
                Image.chunk_id == chunk_id, Image.status == ImageStatus.pending
            )
        )
        return {ordinal: id_ for ordinal, id_ in rows}  # noqa: C416 - rows are no pairs to mypy

    def stored_by_sha256(self, job: CrawlJob, digests: Collection[bytes]) -> dict[bytes, int]:
        rows = self.session.execute(
            select(Image.sha256, Image.id).where(
                Image.crawl_job_id == job.id,
                Image.status == ImageStatus.stored,
                Image.sha256.in_(digests),
            )
        )
        return {digest: id_ for digest, id_ in rows if digest is not None}

    def settle(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write what became of each; `id` says which, and all rows have the same columns."""
        if not rows:
            return
        columns: dict[str, Any] = {name: bindparam(f"b_{name}") for name in rows[0] if name != "id"}
        statement = (
            update(Image)
            .where(Image.id == bindparam("b_id"), Image.status == ImageStatus.pending)
            .values(downloaded_at=func.now(), **columns)
            .execution_options(synchronize_session=None)
        )
        self.session.connection().execute(
            statement, [{f"b_{name}": value for name, value in row.items()} for row in rows]
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

    def count_outcomes(self, chunk_id: UUID) -> tuple[dict[str, int], int]:
        """Images by outcome, and how many there are, of one chunk."""
        rows = self.session.execute(
            select(Image.outcome, func.count())
            .where(Image.chunk_id == chunk_id)
            .group_by(Image.outcome)
        ).all()
        total = sum(n for _, n in rows)
        return {outcome.value: n for outcome, n in rows if outcome is not None}, total

    def list_retryable(self, job: CrawlJob, limit: int) -> Sequence[tuple[int, UUID, str]]:
        """(id, chunk, host) of what may end otherwise when tried again."""
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

    def move_to_chunks(self, places: Iterable[tuple[int, UUID, int]]) -> None:
        """Open images again as (id, chunk, ordinal)."""
        statement = (
            update(Image)
            .where(Image.id == bindparam("b_id"))
            .values(
                chunk_id=bindparam("b_chunk_id"),
                ordinal=bindparam("b_ordinal"),
                status=ImageStatus.pending,
                outcome=None,
                detail=None,
            )
            .execution_options(synchronize_session=None)
        )
        rows = [{"b_id": id_, "b_chunk_id": chunk, "b_ordinal": n} for id_, chunk, n in places]
        self.session.connection().execute(statement, rows)

    def list_page(
        self,
        job: CrawlJob,
        status: ImageStatus | None,
        outcome: Outcome | None,
        after: str | None,
        limit: int,
    ) -> Slice[Image]:
        statement = select(Image).where(Image.crawl_job_id == job.id)
        if status is not None:
            statement = statement.where(Image.status == status)
        if outcome is not None:
            statement = statement.where(Image.outcome == outcome)
        if after is not None:
            statement = statement.where(Image.id > int(after))
        rows = self.session.scalars(statement.order_by(Image.id).limit(limit + 1)).all()
        return cut(rows, limit, lambda image: image.id)

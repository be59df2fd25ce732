"""Every query about near duplicates: their signatures and their clusters."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Row, Select, cast, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session

from crawlset.imaging.signatures import SIGNATURE_BYTES
from crawlset.kit.paging import Slice, cut
from crawlset.models import Image, ImageVerdict, ValidationJob
from crawlset.validation.rules.base import Rule
from crawlset.validation.rules.broken import IN_PLAY, breaks


class ClusterRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def note_clusters(
        self, job: ValidationJob, members: Sequence[int], keepers: Sequence[int]
    ) -> None:
        """Write down the keeper of the cluster of each of these images."""
        rows = _pairs(members, keepers)
        self.session.execute(
            update(ImageVerdict)
            .where(
                ImageVerdict.validation_job_id == job.id, ImageVerdict.image_id == rows.c.image_id
            )
            .values(cluster=rows.c.keeper)
            .execution_options(synchronize_session=False)
        )

    def get_signatures(self, job: ValidationJob, ids: Sequence[int]) -> dict[int, bytes]:
        """Give the signatures of these images by id, but for those that have none of this form."""
        meant = (
            func.unnest(cast(list(ids), ARRAY(BigInteger)))
            .table_valued("id", name="meant")
            .render_derived()
        )
        rows = self.session.execute(
            select(Image.id, Image.signature)
            .join(meant, meant.c.id == Image.id)
            .where(
                Image.crawl_job_id == job.crawl_job_id,
                func.length(Image.signature).in_([SIGNATURE_BYTES, 2 * SIGNATURE_BYTES]),
            )
        )
        return {id_: signature for id_, signature in rows if signature is not None}

    def count_clusters(self, job: ValidationJob) -> dict[int, int]:
        """Number of clusters of each size, the smallest size first."""
        return self._count_by_size(
            select(func.count().label("n_images"))
            .where(ImageVerdict.validation_job_id == job.id, ImageVerdict.cluster.is_not(None))
            .group_by(ImageVerdict.cluster)
        )

    def count_clusters_of(self, job: ValidationJob, rule: Rule) -> dict[int, int]:
        """Number of clusters of each size, of images that break `rule` and their keepers."""
        return self._count_by_size(
            select((func.count() + 1).label("n_images"))
            .where(ImageVerdict.validation_job_id == job.id, breaks(rule))
            .group_by(ImageVerdict.duplicate_of)
        )

    def _count_by_size(self, clusters: Select[Any]) -> dict[int, int]:
        sizes = clusters.subquery()
        rows = self.session.execute(
            select(sizes.c.n_images, func.count())
            .group_by(sizes.c.n_images)
            .order_by(sizes.c.n_images)
        )
        return dict(rows.all())

    def list_put_out(
        self, job: ValidationJob, rule: Rule, earlier: Sequence[Rule]
    ) -> Sequence[int]:
        """Images that a rule of `earlier` has put out and that do not break `rule`."""
        return self.session.scalars(
            select(ImageVerdict.image_id).where(
                ImageVerdict.validation_job_id == job.id,
                ImageVerdict.verdict.not_in(IN_PLAY),
                or_(*(breaks(one) for one in earlier)),
                not_(breaks(rule)),
            )
        ).all()

    def list_clusters(
        self, job: ValidationJob, after: str | None, limit: int, n_members: int
    ) -> Slice[Row[Any]]:
        """keeper, n_images and image_ids (`n_members` at most, the keeper first), by keeper."""
        members = aggregate_order_by(
            ImageVerdict.image_id,
            ImageVerdict.cluster != ImageVerdict.image_id,
            ImageVerdict.image_id,
        )
        statement = (
            select(
                ImageVerdict.cluster.label("keeper"),
                func.count().label("n_images"),
                func.array_agg(members)[1:n_members].label("image_ids"),
            )
            .where(
                ImageVerdict.validation_job_id == job.id,
                ImageVerdict.cluster > (int(after) if after is not None else 0),
            )
            .group_by(ImageVerdict.cluster)
            .order_by(ImageVerdict.cluster)
        )
        rows = self.session.execute(statement.limit(limit + 1)).all()
        return cut(rows, limit, lambda row: row.keeper)


def _pairs(members: Sequence[int], keepers: Sequence[int]) -> Any:
    return (
        func.unnest(cast(list(members), ARRAY(BigInteger)), cast(list(keepers), ARRAY(BigInteger)))
        .table_valued("image_id", "keeper", name="clusters")
        .render_derived()
    )

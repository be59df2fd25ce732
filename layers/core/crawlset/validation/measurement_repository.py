"""Every query about what measurers made of images."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    cast,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from crawlset.models import Image, ValidationJob
from crawlset.outcomes import ImageStatus
from crawlset.settings import DeployedMeasurer
from crawlset.validation.measures import NUMBER, measurement
from crawlset.validation.rules.broken import in_play_of
from crawlset.validation.verdict_repository import pictures_in_play
from crawlset.wire.measurements import TEXT
from crawlset.wire.validators import BatchImage

ROWS_AT_ONCE = 5_000


class MeasurementRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    def list_unmeasured(self, job: ValidationJob, measurer: DeployedMeasurer) -> Sequence[int]:
        """List images in play that `measurer`, as it is now, has not measured or could not."""
        is_unmeasured = func.coalesce(_is_of(measurer), False).is_(False)
        found = in_play_of(job, [], is_unmeasured)
        return self.session.scalars(select(found.c.id).order_by(found.c.id)).all()

    def list_pictures(self, job: ValidationJob, image_ids: Sequence[int]) -> Sequence[Row[Any]]:
        """Where the bytes lie of these, if they are still in play, by id."""
        ids = func.any(cast(list(image_ids), ARRAY(BigInteger)))
        statement = pictures_in_play(job).where(Image.id == ids)
        return self.session.execute(statement.order_by(Image.id)).all()

    def keep(
        self,
        job: ValidationJob,
        measurer: str,
        images: Sequence[BatchImage],
        records: Mapping[int, Mapping[str, Any]],
    ) -> None:
        """
        Write down what `measurer` made of images, if they still have the bytes it saw.

        What is known by the same version stays: two validations may have had an image measured at
        once, and only one of them in vain.
        """
        rows = (
            func.unnest(
                cast([image.image_id for image in images], ARRAY(BigInteger)),
                cast([image.sha256 for image in images], ARRAY(Text)),
                cast([json.dumps(records[image.image_id]) for image in images], ARRAY(Text)),
            )
            .table_valued(column("id", BigInteger), column("sha256", Text), column("record", Text))
            .render_derived(name="kept")
        )
        made: Any = cast(rows.c.record, JSONB)
        known = measurement(measurer)
        is_known = and_(
            known["version"].astext == made["version"].astext, not_(known.has_key("error"))
        )
        record = func.jsonb_build_object(measurer, made)
        self.session.execute(
            update(Image)
            .where(
                Image.id == rows.c.id,
                *_stored(job),
                func.encode(Image.sha256, "hex") == rows.c.sha256,
                func.coalesce(is_known, False).is_(False),
            )
            .values(measurements=func.coalesce(Image.measurements, _NOTHING).op("||")(record))
            .execution_options(synchronize_session=False)
        )

    def forget_text(self, job: ValidationJob, limit: int) -> int:
        """Forget what is written in up to `limit` images of the job; say in how many it was."""
        details = measurement(TEXT)["details"]
        with_text = (
            select(Image.id)
            .where(*_stored(job), details.has_key(TEXT))
            .order_by(Image.id)
            .limit(limit)
            .subquery()
        )
        path = cast([TEXT, "details", TEXT], ARRAY(Text))
        forgotten = self.session.execute(
            update(Image)
            .where(Image.id == with_text.c.id)
            .values(measurements=Image.measurements.op("#-")(path))
            .returning(Image.id)
            .execution_options(synchronize_session=False)
        )
        return len(forgotten.all())

    def is_settled(
        self, job: ValidationJob, measurer: DeployedMeasurer, is_out: ColumnElement[bool]
    ) -> bool:
        """Whether `measurer` has measured all stored images but those out, and compared its own."""
        is_measured = func.coalesce(_is_of(measurer), False)
        is_waiting = or_(
            and_(is_measured.is_(False), not_(is_out)), and_(is_measured, _is_alone(measurer))
        )
        waiting = select(Image.id).where(*_stored(job), is_waiting)
        return self.session.scalar(select(waiting.exists())) is False

    def is_compared(self, job: ValidationJob, measurer: DeployedMeasurer) -> bool:
        """Whether each image that has a vector was compared with the others."""
        waiting = _with_vectors(job, measurer, Image.id).where(_is_alone(measurer))
        return self.session.scalar(select(waiting.exists())) is False

    def stream_with_vectors(
        self, job: ValidationJob, measurer: DeployedMeasurer
    ) -> Iterator[Row[Any]]:
        """id, keyword and part of each stored image that has a vector, by id."""
        part = measurement(measurer.name)["part"].astext.label("part")
        statement = _with_vectors(job, measurer, Image.id, Image.keyword, part)
        yield from self.session.execute(
            statement.order_by(Image.id), execution_options={"yield_per": ROWS_AT_ONCE}
        )

    def note_neighbours(
        self,
        job: ValidationJob,
        measurer: str,
        image_ids: Sequence[int],
        n_others: Sequence[int],
        nearness: Sequence[float | None],
        margins: Sequence[float | None],
    ) -> None:
        """Write down with how many others images were compared, and how near they are to them."""
        rows = (
            func.unnest(
                cast(list(image_ids), ARRAY(BigInteger)),
                cast(list(n_others), ARRAY(BigInteger)),
                cast(list(nearness), ARRAY(NUMBER)),
                cast(list(margins), ARRAY(NUMBER)),
            )
            .table_valued(
                column("id", BigInteger),
                column("n_others", BigInteger),
                column("nearness", NUMBER),
                column("margin", NUMBER),
            )
            .render_derived(name="compared")
        )
        known = measurement(measurer)
        own = func.coalesce(known["measures"], _NOTHING).op("-")("nearness").op("-")("margin")
        near = func.jsonb_strip_nulls(
            func.jsonb_build_object("nearness", rows.c.nearness, "margin", rows.c.margin)
        )
        told = func.jsonb_build_object(
            "neighbours", rows.c.n_others, "measures", own.op("||")(near)
        )
        self.session.execute(
            update(Image)
            .where(
                Image.id == rows.c.id,
                Image.crawl_job_id == job.crawl_job_id,
                known.has_key("part"),
            )
            .values(
                measurements=Image.measurements.op("||")(
                    func.jsonb_build_object(measurer, known.op("||")(told))
                )
            )
            .execution_options(synchronize_session=False)
        )


_NOTHING: ColumnElement[Any] = literal({}, JSONB)


def _is_of(measurer: DeployedMeasurer) -> ColumnElement[bool]:
    """Whether an image was measured by the version that is deployed."""
    known = measurement(measurer.name)
    return and_(known["version"].astext == measurer.version, not_(known.has_key("error")))


def _is_alone(measurer: DeployedMeasurer) -> ColumnElement[bool]:
    """Whether an image has a vector that was not compared with others."""
    known = measurement(measurer.name)
    return and_(known.has_key("part"), not_(known.has_key("neighbours")))


def _stored(job: ValidationJob) -> tuple[ColumnElement[bool], ...]:
    return Image.crawl_job_id == job.crawl_job_id, Image.status == ImageStatus.stored


def _with_vectors(job: ValidationJob, measurer: DeployedMeasurer, *columns: Any) -> Select[Any]:
    return select(*columns).where(
        *_stored(job),
        _is_of(measurer),
        measurement(measurer.name).has_key("part"),
    )

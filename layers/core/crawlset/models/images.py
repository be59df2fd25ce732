from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crawlset.models.base import Base, Owned, one_of, parent
from crawlset.outcomes import Change, ImageStatus, Outcome, Verdict


class Image(Base):
    """
    One candidate URL of one job, and what became of it. Settled once; a re-crawl may renew it.

    The owner is checked with the job's key, not by one of its own: a key costs each of a million
    rows, and the job's has been checked.
    """

    __tablename__ = "images"
    __table_args__ = (
        parent("crawl_jobs", "crawl_job_id"),
        one_of("status", ImageStatus),
        one_of("outcome", Outcome),
        one_of("change", Change),
        CheckConstraint("(status = 'pending') = (outcome IS NULL)", name="settled_with_outcome"),
        CheckConstraint(
            "status <> 'stored' OR (pack_key IS NOT NULL AND sha256 IS NOT NULL)",
            name="stored_in_pack",
        ),
        Index("uq_images_crawl_job_id_url_hash", "crawl_job_id", "url_hash", unique=True),
        Index("ix_images_crawl_job_id", "crawl_job_id", "id"),
        Index("ix_images_chunk_id_ordinal", "chunk_id", "ordinal"),
        Index("ix_images_host", "crawl_job_id", "host"),
        Index(
            "uq_images_stored_sha256",
            "crawl_job_id",
            "sha256",
            unique=True,
            postgresql_where=text("status = 'stored'"),
        ),
        Index("ix_images_pack_key", "pack_key", postgresql_where=text("pack_key IS NOT NULL")),
        Index(
            "ix_images_taken_down",
            "sha256",
            postgresql_where=text("outcome = 'refused_takedown'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, sort_order=-2)
    user_id: Mapped[UUID] = mapped_column(sort_order=-1)
    crawl_job_id: Mapped[UUID]
    chunk_id: Mapped[UUID] = mapped_column(ForeignKey("job_chunks.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    """Place in the chunk; with the chunk it names the image before it has been fetched."""

    url: Mapped[str]
    url_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """First 16 bytes of the SHA-256 of the URL."""
    host: Mapped[str]
    source: Mapped[str]
    query: Mapped[str | None]
    keyword: Mapped[str | None]
    """The class the image belongs to."""
    rank: Mapped[int]
    landing_url: Mapped[str | None]
    licence: Mapped[str | None]
    licence_raw: Mapped[str | None]
    creator: Mapped[str | None]
    attribution: Mapped[str | None]
    title: Mapped[str | None]
    columns: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What else a list says in its row, by column."""
    expected_hash: Mapped[str | None]
    """The hash that the file received must have: `sha256:` or `md5:` and hexadecimal digits."""

    status: Mapped[ImageStatus] = mapped_column(server_default="pending")
    outcome: Mapped[Outcome | None]
    detail: Mapped[str | None]
    evidence: Mapped[dict[str, Any] | None]
    downloaded_at: Mapped[datetime | None]
    n_retries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    n_deferrals: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Times that its host wanted to be left alone for longer than a chunk lasts."""
    final_url: Mapped[str | None]
    http_status: Mapped[int | None]
    content_type: Mapped[str | None]
    file_size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    width: Mapped[int | None]
    """Pixels, as is `height`: measured once fetched, until then as the source states them."""
    height: Mapped[int | None]
    format: Mapped[str | None]
    mode: Mapped[str | None]
    n_frames: Mapped[int | None]
    phash: Mapped[int | None] = mapped_column(BigInteger)
    phashes: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """
    Hashes of the whole picture, mirrored, without 5 %, 10 % and (since there are signatures) a
    sixth of each side; of one that can be seen through another, on the other paper.
    """
    pixel_hash: Mapped[int | None] = mapped_column(BigInteger)
    """Hash of the pixels of the upright picture; of a JPEG as it is decoded small."""
    colours: Mapped[int | None] = mapped_column(BigInteger)
    """Cb and Cr of its four quarters, a byte each; null of what was measured before there were."""
    mosaic: Mapped[int | None] = mapped_column(BigInteger)
    """Grey of 4 x 4 tiles, 4 bits each, of a picture of few grey levels."""
    signature: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """
    Small picture by `imaging.second_look`; null of what was measured before there were any.

    It is larger than all the rest of a row, which is read without it.
    """
    scores: Mapped[dict[str, Any] | None]
    measurements: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """
    What measurers made of the stored bytes, by their names: `version`; `error` or `measures`,
    `details` and the `part` with its vector. A trigger forgets it when the image is not stored.
    """
    transform: Mapped[dict[str, Any] | None]
    """How the stored bytes were made of those received, and what those were."""
    embedded: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the file received says about itself; its location only where the job keeps it."""
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    pack_key: Mapped[str | None]
    pack_offset: Mapped[int | None] = mapped_column(BigInteger)
    pack_length: Mapped[int | None] = mapped_column(BigInteger)
    duplicate_of: Mapped[int | None] = mapped_column(BigInteger)
    change: Mapped[Change | None]
    """What the last re-crawl found."""
    checked_at: Mapped[datetime | None]
    """When that was."""


class FurtherRow(Base):
    """
    Another row of a list for an image's URL, with what it says of the picture.

    Its image is found by the URL: it may be planned later. The owner is checked with the job's key.
    """

    __tablename__ = "further_rows"
    __table_args__ = (parent("crawl_jobs", "crawl_job_id"),)

    crawl_job_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-4)
    url_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, sort_order=-3)
    rank: Mapped[int] = mapped_column(primary_key=True, sort_order=-2, autoincrement=False)
    """Its place in the list."""
    user_id: Mapped[UUID] = mapped_column(sort_order=-1)
    keyword: Mapped[str | None]
    title: Mapped[str | None]
    columns: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class ImageVerdict(Owned, Base):
    """
    What a validation job says of a stored image, and the rules it breaks.

    A million are written at once, from the images themselves: keys to `images` and `profiles` would
    cost a third of the time, and say what the one to the validation job says already.
    """

    __tablename__ = "image_verdicts"
    __table_args__ = (
        parent("validation_jobs", "validation_job_id"),
        one_of("verdict", Verdict),
        # Those kept are the most, and are found without it.
        Index(
            "ix_image_verdicts_verdict",
            "validation_job_id",
            "verdict",
            "image_id",
            postgresql_where=text("verdict <> 'keep'"),
        ),
        Index(
            "ix_image_verdicts_cluster",
            "validation_job_id",
            "cluster",
            postgresql_where=text("cluster IS NOT NULL"),
        ),
    )

    validation_job_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-3)
    user_id: Mapped[UUID] = mapped_column(sort_order=-1)
    image_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, sort_order=-2)
    verdict: Mapped[Verdict]
    rule: Mapped[str | None]
    measured: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    """Measured value and threshold of the rule that decided."""
    findings: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]", default=list)
    """Every broken rule: `rule`, `severity`, `measured`, `threshold`, `detail`."""
    duplicate_of: Mapped[int | None] = mapped_column(BigInteger)
    cluster: Mapped[int | None] = mapped_column(BigInteger)
    """The keeper of its near duplicates, for all of them, itself included."""

"""
Find images of a job by a text, or by another image: what the two routes of finding share.

The rows are read before and after, in transactions of their own: in between vectors are read from
the bucket, and the towers' function is asked.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np

from crawlset.errors import AppError, ConflictError, UnavailableError, UnprocessableError
from crawlset.finding.comparing import Compared, compare
from crawlset.finding.schemas import NearestImage, NearestImages
from crawlset.images.repository import ImageRepository
from crawlset.images.schemas import ImageRead
from crawlset.jobs.crawl_repository import CrawlRepository, require_crawl_job
from crawlset.kit import aws, db, objects
from crawlset.kit.paging import fitting
from crawlset.measuring.stored_vectors import part_reader
from crawlset.measuring.vectors import UnreadableVectorsError, from_parquet
from crawlset.models import Image
from crawlset.outcomes import ImageStatus, Outcome
from crawlset.packs.stored import require_stored
from crawlset.settings import DeployedMeasurer, measurer_settings
from crawlset.wire import keys
from crawlset.wire.texts import TextRequest, TextVector

TOWERS = "towers"
USUAL = "relevance"
"""The measurer whose vectors an image is compared by if none is named."""
SPARE_SECONDS = 5.0
"""Time for the rows, and for parts that are being read."""
CAUSE_LETTERS = 300
ROWS_AT_ONCE = 1_000
"""Rows of the nearest images that are read at once, at most."""


class UnclearQuestionError(UnprocessableError):
    """The request names both a text and an image, or neither; or texts with another measurer."""


class NoSuchVectorsError(UnprocessableError):
    """The deployment has no such measurer, or no towers that texts could be compared by."""


class NotMeasuredError(ConflictError):
    """Nothing that could be compared has been measured yet."""


class TowersFailedError(AppError):
    """The towers' function failed: a file of theirs is missing or damaged, or its time ended."""


class VectorsUnreadableError(AppError):
    """The stored vectors are damaged, or have another length than what is compared with them."""


class TimeOverError(UnavailableError):
    """The time of the request was over before anything was compared."""


@dataclass(frozen=True, slots=True)
class Question:
    """What images are to be near to: a text, or an image of the same job."""

    text: str | None
    like: int | None
    measurer: str | None
    limit: int


def nearest(
    user_id: UUID,
    project_id: UUID,
    job_id: UUID,
    question: Question,
    *,
    seconds_left: Callable[[], float],
) -> NearestImages:
    """
    The stored images of a job that are nearest to a text or an image.

    Raises:
        UnclearQuestionError, NoSuchVectorsError: as they say.
        NotFoundError: the caller has no such job, or the job no such image.
        ImageNotStoredError: the image is not stored any more, or never was.
        NotMeasuredError: the job has no vectors of the measurer as it is deployed.
        TowersFailedError: there is no vector of the text.
        VectorsUnreadableError: that of the image, or all that it is compared with, cannot be read.
        TimeOverError: no time was left to compare anything.
    """
    measurer = _measurer_of(question)
    with db.transaction(user_id) as session:
        job = require_crawl_job(session, project_id, job_id)
        counts = CrawlRepository(session).count([job.id])
        n_stored = counts[job.id].outcomes[Outcome.stored]
        own_part = None
        if question.like is not None:
            _, image = ImageRepository(session).require(project_id, job_id, question.like)
            require_stored(image)
            own_part = _part_of(image, measurer)
            if own_part is None:
                raise NotMeasuredError(_no_vector(image, measurer))

    def has_time() -> bool:
        return seconds_left() > SPARE_SECONDS

    read_part = part_reader(job_id, measurer.name)
    parts = _parts(job_id, measurer)
    if not parts:
        raise NotMeasuredError(_nothing(measurer))
    if question.text is not None:
        vector = _vector_of_text(measurer, question.text)
    else:
        vector = _vector_of_image(question.like, read_part(own_part or ""))
    compared = compare(vector, parts, read_part, version=measurer.version, has_time=has_time)
    if not len(compared.image_ids):
        if compared.is_over:
            raise TimeOverError("None of the vectors could be read in time; ask again.")
        if not compared.is_complete:
            raise VectorsUnreadableError(
                f"None of the job's vectors of {measurer.name} could be compared: they are damaged,"
                f" or of another length than what they were to be compared with, {len(vector)}."
            )
        raise NotMeasuredError(_nothing(measurer))
    with db.transaction(user_id) as session:
        job = require_crawl_job(session, project_id, job_id)
        images = ImageRepository(session)
        items, all_seen = _items(images, job, measurer, compared, question, has_time)
    return NearestImages(
        items=fitting(items),
        measurer=measurer.name,
        version=measurer.version,
        n_compared=compared.n_images,
        n_stored=n_stored,
        is_complete=compared.is_complete and all_seen,
    )


def _measurer_of(question: Question) -> DeployedMeasurer:
    if (question.text is None) == (question.like is None):
        raise UnclearQuestionError("Give either `text` or `like`.")
    name = question.measurer or (USUAL if question.text is None else TOWERS)
    if question.text is not None and name != TOWERS:
        raise UnclearQuestionError(f"A text is compared by {TOWERS} only.", "/measurer")
    known = measurer_settings().by_name
    if name in known:
        return known[name]
    if question.text is not None:
        raise NoSuchVectorsError(
            "This deployment has no towers, which texts are compared by; docs/measurers.md says how"
            " to bring them."
        )
    allowed = ", ".join(sorted(known)) or "none"
    raise NoSuchVectorsError(
        f"There is no measurer {name!r} here; allowed: {allowed}.", "/measurer"
    )


def _parts(job_id: UUID, measurer: DeployedMeasurer) -> list[str]:
    """Names of the parts with vectors of this measurer, the newest first."""
    prefix = f"{keys.vectors_prefix(job_id)}{measurer.name}/"
    written = sorted(
        ((at, key) for key, at in objects.list_written(prefix)), key=lambda one: one, reverse=True
    )
    return [keys.parse_vectors(key).part for _, key in written]


def _vector_of_text(measurer: DeployedMeasurer, text: str) -> np.ndarray:
    request = json.dumps(TextRequest(text).to_json())
    answer = aws.functions().invoke(FunctionName=measurer.arn, Payload=request)
    payload: Any = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        why = str(payload.get("errorMessage") or payload.get("errorType") or "it failed")
        raise TowersFailedError(f"The towers made no vector of the text. {why[:CAUSE_LETTERS]}")
    return np.array(TextVector.from_json(payload).vector, np.float32)


def _vector_of_image(image_id: int | None, body: bytes | None) -> np.ndarray:
    """The vector of an image in its part; raises `NotMeasuredError` if it is not there any more."""
    gone = f"The vector of image {image_id} is gone."
    if body is None:
        raise NotMeasuredError(gone)
    try:
        image_ids, vectors = from_parquet(body)
    except UnreadableVectorsError as error:
        message = f"The vector of image {image_id} cannot be read: {error}."
        raise VectorsUnreadableError(message) from error
    rows = vectors[image_ids == image_id]
    if not len(rows):
        raise NotMeasuredError(gone)
    vector: np.ndarray = rows[0].astype(np.float32)
    return vector


def _items(
    images: ImageRepository,
    job: Any,
    measurer: DeployedMeasurer,
    compared: Compared,
    question: Question,
    has_time: Callable[[], bool],
) -> tuple[list[NearestImage], bool]:
    """
    The nearest that are stored and have the vector that was compared, nearest first.

    And whether there was time to look for as many as are asked for.
    """
    found: list[NearestImage] = []
    nearest = compared.nearest_first()
    n_rows = 2 * question.limit
    while some := list(islice(nearest, n_rows)):
        rows = {image.id: image for image in images.list_some(job, [one[0] for one in some])}
        for image_id, part, similarity in some:
            image = rows.get(image_id)
            if image is None or image.status is not ImageStatus.stored:
                continue
            if image_id == question.like or _part_of(image, measurer) != part:
                continue
            found.append(NearestImage(similarity=similarity, image=ImageRead.model_validate(image)))
            if len(found) == question.limit:
                return found, True
        if not has_time():
            return found, False
        n_rows = min(4 * n_rows, ROWS_AT_ONCE)
    return found, True


def _part_of(image: Image, measurer: DeployedMeasurer) -> str | None:
    """The part that has the vector of an image; None without one of this version."""
    record = (image.measurements or {}).get(measurer.name, {})
    part: str | None = record.get("part")
    return part if record.get("version") == measurer.version else None


def _no_vector(image: Image, measurer: DeployedMeasurer) -> str:
    others = [name for name, one in (image.measurements or {}).items() if "part" in one]
    of = f" It has one of {', '.join(sorted(others))}." if others else ""
    return f"Image {image.id} has no vector of {measurer.name} {measurer.version}.{of}"


def _nothing(measurer: DeployedMeasurer) -> str:
    version = f" {measurer.version}".rstrip()
    return (
        f"No image of this job has a vector of {measurer.name}{version}; a validation with"
        f' "measurers": ["{measurer.name}"] makes them.'
    )

"""
Steps of a validation around measurers: batches of what is not measured yet, answers, comparisons.

An image is measured once by each version of a measurer. What is known of it is kept with its row,
so that rules about measures are decided in SQL.
"""

import json
import math
from collections.abc import Iterator, Sequence
from itertools import batched, count
from typing import Any

from crawlset.kit import objects
from crawlset.measuring import neighbours, vectors
from crawlset.measuring.neighbours import Measurable
from crawlset.measuring.stored_vectors import part_reader
from crawlset.measuring.vectors import UnreadableVectorsError
from crawlset.observability import logger
from crawlset.settings import DeployedMeasurer
from crawlset.validation import batches, custom, measurements
from crawlset.validation.measurement_repository import MeasurementRepository
from crawlset.validation.measurements import MeasuredImage
from crawlset.validation.rules.measured import MeasureRule
from crawlset.validation.running import RunningValidation
from crawlset.validation.verdict_repository import VerdictRepository
from crawlset.wire import keys
from crawlset.wire.measurements import (
    KEEPING_TEXT,
    MAX_ANSWER_BYTES,
    TEXT,
    MeasurementBatch,
)
from crawlset.wire.pipeline import StepError, ValidationStep
from crawlset.wire.validators import BatchImage

FOLDER = "measurements/"
IMAGES_AT_ONCE = 20_000
"""Images whose measurements are written in one transaction."""


def run(validation: RunningValidation, message: ValidationStep) -> dict[str, Any]:
    """Run a step; gives the batches for measurers and their folder, if it is to write them."""
    match message.step:
        case "measure":
            return {"batches": list(write(validation)), "folder": validation.key(FOLDER)}
        case "keep":
            keep(validation, message.index, message.answer, message.error)
        case "decide":
            decide(validation)
    return {}


def write(validation: RunningValidation) -> Iterator[dict[str, Any]]:
    """Write batches of the images in play that a measurer asked for has not measured."""
    waiting = []
    asked = _asked(validation)  # before the transaction: it takes one of its own
    _forget_text(validation, asked)
    with validation.open(over_many=True) as (session, job):
        for measurer in asked:
            image_ids = MeasurementRepository(session).list_unmeasured(job, measurer)
            waiting.append((measurer, image_ids))
    n_asked = sum(1 for _ in objects.list_keys(validation.key(batches.FOLDER)))
    size = custom.batch_size(sum(len(image_ids) for _, image_ids in waiting), n_asked)
    index = count()
    for measurer, image_ids in waiting:
        for some in batched(image_ids, size):
            with validation.open() as (session, job):
                rows = MeasurementRepository(session).list_pictures(job, some)
                images = [BatchImage.from_json(row._asdict()) for row in rows]
            if images:
                place = next(index)
                _write(validation, measurer, images, place)
                yield {"index": place, "measurer": measurer.arn}


def keep(validation: RunningValidation, index: int, answer: Any, error: StepError | None) -> None:
    """Write down what a measurer says of a batch: its vectors as a part, all else in the rows."""
    batch = MeasurementBatch.from_json(objects.get(_key(validation, f"{index}.json")))
    if isinstance(answer, dict) and answer.get("answer") == batch.answer:
        answer = _stored_answer(batch)
    said = measurements.understood(batch, answer, error)
    ids = [image.image_id for image in batch.images]
    with validation.open() as (session, job):
        crawl_job_id = job.crawl_job_id
        pictures = MeasurementRepository(session).list_pictures(job, ids)
        there = {row.image_id: row.sha256 for row in pictures}
    part = keys.vectors_part(ids[0], ids[-1], validation.id, index)
    said, rows = _with_vectors(batch, said)
    if rows is not None:
        # What was taken down meanwhile leaves no vector.
        same = {
            image.image_id for image in batch.images if there.get(image.image_id) == image.sha256
        }
        measured = [one for one in said if one.vector is not None and one.image_id in same]
        body = vectors.to_parquet(
            [one.image_id for one in measured],
            rows[[one.vector for one in measured]],
            batch.version,
        )
        objects.put(keys.vectors(crawl_job_id, batch.measurer, part), body)
    records = {one.image_id: _record(one, batch.version, part) for one in said}
    with validation.open() as (session, job):
        MeasurementRepository(session).keep(job, batch.measurer, batch.images, records)
    n_failed = sum(one.error is not None for one in said)
    logger.info("batch_measured", measurer=batch.measurer, images=len(said), errors=n_failed)


def decide(validation: RunningValidation) -> None:
    """Compare pictures by their vectors where new ones came; judge by the rules about measures."""
    for measurer in _asked(validation):
        _compare(validation, measurer)
    for rule in validation.rules().of_kind(MeasureRule):
        with validation.open(over_many=True) as (session, job):
            noted = VerdictRepository(session).note(job, rule, rule.broken(job))
        logger.info(
            "measure_judged", rule=rule.label, broken=noted.n_broken, unknown=noted.n_errors
        )


def _forget_text(validation: RunningValidation, asked: Sequence[DeployedMeasurer]) -> None:
    """Forget what is written in pictures, if the deployment does not keep that any more."""
    if any(one.name == TEXT and not one.version.endswith(KEEPING_TEXT) for one in asked):
        n = IMAGES_AT_ONCE
        while n == IMAGES_AT_ONCE:
            with validation.open(over_many=True) as (session, job):
                n = MeasurementRepository(session).forget_text(job, IMAGES_AT_ONCE)


def _write(
    validation: RunningValidation,
    measurer: DeployedMeasurer,
    images: list[BatchImage],
    index: int,
) -> None:
    batch = MeasurementBatch(
        measurer=measurer.name,
        version=measurer.version,
        vectors=_key(validation, f"{index}.npy"),
        answer=_key(validation, f"{index}.answer.json"),
        images=images,
    )
    body = json.dumps(batch.to_json(), separators=(",", ":")).encode()
    objects.put(_key(validation, f"{index}.json"), body, "application/json")


def _asked(validation: RunningValidation) -> list[DeployedMeasurer]:
    """The measurers that the rules ask for, without those that are not here any more."""
    known = measurements.measurers()
    return [known[name] for name in validation.rules().asked_measurers() if name in known]


def _compare(validation: RunningValidation, measurer: DeployedMeasurer) -> None:
    with validation.open(over_many=True) as (session, job):
        repository = MeasurementRepository(session)
        if repository.is_compared(job, measurer):
            return
        images = [
            Measurable(row.id, row.keyword, row.part)
            for row in repository.stream_with_vectors(job, measurer)
        ]
        crawl_job_id = job.crawl_job_id
    found = neighbours.compared(images, part_reader(crawl_job_id, measurer.name))
    for begin in range(0, len(images), IMAGES_AT_ONCE):
        some = slice(begin, begin + IMAGES_AT_ONCE)
        near, margins = (
            [round(value, 6) if math.isfinite(value) else None for value in values[some].tolist()]
            for values in (found.nearness, found.margins)
        )
        with validation.open(over_many=True) as (session, job):
            MeasurementRepository(session).note_neighbours(
                job,
                measurer.name,
                found.image_ids[some].tolist(),
                found.n_others[some].tolist(),
                near,
                margins,
            )
    logger.info("pictures_compared", measurer=measurer.name, images=len(images))


def _stored_answer(batch: MeasurementBatch) -> Any:
    """The answer that lies in the bucket; None if it is not there, too long or no JSON."""
    found = objects.head(batch.answer)
    if found is None or found[0] > MAX_ANSWER_BYTES:
        return None
    try:
        return json.loads(objects.get(batch.answer))
    except (ValueError, RecursionError):
        return None


def _with_vectors(
    batch: MeasurementBatch, said: Sequence[MeasuredImage]
) -> tuple[list[MeasuredImage], Any]:
    """What is said, with an error of each image whose vector cannot be read; and all vectors."""
    if all(one.vector is None for one in said):
        return list(said), None
    try:
        rows = vectors.read_npy(_vectors_file(batch))
    except UnreadableVectorsError as error:
        return [_without_vector(one, f"its vectors are {error}") for one in said], None
    checked = [
        one
        if one.vector is None or vectors.is_sound(rows, one.vector)
        else _without_vector(one, "its vector is missing or not finite")
        for one in said
    ]
    return checked, rows if any(one.vector is not None for one in checked) else None


def _without_vector(one: MeasuredImage, reason: str) -> MeasuredImage:
    return one if one.vector is None else MeasuredImage(image_id=one.image_id, error=reason)


def _vectors_file(batch: MeasurementBatch) -> bytes:
    """Raises `UnreadableVectorsError` if there is none, or a huge one."""
    found = objects.head(batch.vectors)
    if found is None:
        raise UnreadableVectorsError("not there")
    if found[0] > vectors.MAX_NPY_BYTES:
        raise UnreadableVectorsError(f"{found[0]:,} bytes")
    return objects.get(batch.vectors)


def _record(one: MeasuredImage, version: str, part: str) -> dict[str, Any]:
    """What `images.measurements` keeps of a measurer."""
    if one.error is not None:
        return {"version": version, "error": one.error}
    record: dict[str, Any] = {"version": version, "measures": one.measures}
    if one.details:
        record["details"] = one.details
    if one.vector is not None:
        record["part"] = part
    return record


def _key(validation: RunningValidation, name: str) -> str:
    return validation.key(f"{FOLDER}{name}")

"""Measurers for tests: what they answer, and validations that ask them."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, Image, ImageVerdict, JobChunk, JobStatus
from crawlset.wire.measurements import MeasurementBatch
from tests import factories
from tests.integration.validation.steps import validate, verdicts

FUNCTIONS = "arn:aws:lambda:us-east-1:123456789012:function"
DEPLOYED = f"palette@1={FUNCTIONS}:stack-palette,{FUNCTIONS}:own:7,{FUNCTIONS}:plain,"
Answer = dict[str, Any]
Measurer = Callable[[dict[str, Any]], Any]
Deploy = Callable[[str], None]


def rule(
    measurer: str = "palette", measure: str = "score", severity: str = "reject", **limits: float
) -> dict[str, Any]:
    params = {"measurer": measurer, "measure": measure, **(limits or {"below": 0.5})}
    return {"check": "measure", "severity": severity, "params": params}


class Scores:
    """A measurer that gives each image in turn a score; remembers the ids that it was asked for."""

    def __init__(self, *scores: float, vectors: list[list[float]] | None = None) -> None:
        self.scores, self.vectors = scores, vectors
        self.asked: list[list[int]] = []
        self.ids: list[int] = []

    def __call__(self, event: dict[str, Any]) -> Answer:
        batch = MeasurementBatch.from_json(objects.get(event["key"]))
        self.asked.append([image.image_id for image in batch.images])
        told: list[Answer] = []
        for row, image in enumerate(batch.images):
            if image.image_id not in self.ids:
                self.ids.append(image.image_id)
            place = self.ids.index(image.image_id)
            told.append({"image_id": image.image_id, "measures": {"score": self.scores[place]}})
            if self.vectors is not None:
                told[-1]["vector"] = row
        if self.vectors is not None:
            rows = [self.vectors[self.ids.index(image.image_id)] for image in batch.images]
            objects.put(batch.vectors, npy(np.array(rows, np.float32)))
        return {"images": told}


def npy(rows: np.ndarray) -> bytes:
    body = io.BytesIO()
    np.save(body, rows, allow_pickle=True)
    return body.getvalue()


def saying(make: Callable[[int], Answer]) -> Measurer:
    """A measurer that says of each image what `make` gives for its place in the batch."""

    def measurer(event: dict[str, Any]) -> Answer:
        batch = MeasurementBatch.from_json(objects.get(event["key"]))
        return {
            "images": [
                {"image_id": image.image_id} | make(place)
                for place, image in enumerate(batch.images)
            ]
        }

    return measurer


def never(event: dict[str, Any]) -> Answer:
    raise AssertionError("nothing was to be measured")


def validated(
    session: Session,
    job: CrawlJob,
    measurer: Measurer,
    *rules: dict[str, Any],
    times: int = 1,
    **more: Any,
) -> list[ImageVerdict]:
    """Verdicts by image id."""
    validation_job = factories.create_validation_job(
        session, job, validation_rules={"rules": list(rules)} | more
    )
    validate(validation_job, measurer=measurer, times=times)
    session.refresh(validation_job)
    assert validation_job.status is JobStatus.completed
    found = verdicts(session, validation_job)
    return [found[id_] for id_ in sorted(found)]


def stored(session: Session, chunk: JobChunk, n: int, **more: Any) -> list[int]:
    return [factories.create_image(session, chunk, **more).id for _ in range(n)]


def measurements(session: Session) -> list[Any]:
    session.expire_all()
    return list(session.scalars(select(Image.measurements).order_by(Image.id)))

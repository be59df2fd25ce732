"""Batches in the bucket, as a validation writes them for a measurer."""

import json
from typing import Any
from uuid import uuid4

from crawlset.kit import objects
from crawlset.wire.measurements import MeasurementBatch
from crawlset.wire.validators import BatchImage, ValidatorRequest


def put_batch(bucket: str, *bodies: bytes, version: str, keyword: str) -> dict[str, Any]:
    """The event about a batch of these files, ids from 0."""
    folder = f"validations/{uuid4()}/measurements/"
    key, images, offset = "jobs/1/chunks/2/1-a.tar", [], 0
    for at, body in enumerate(bodies):
        images.append(
            BatchImage(
                image_id=at,
                key=key,
                offset=offset,
                length=len(body),
                sha256="",
                format="png",
                width=1,
                height=1,
                keyword=keyword,
            )
        )
        offset += len(body)
    objects.put(key, b"".join(bodies))
    batch = MeasurementBatch(
        measurer="m",
        version=version,
        vectors=f"{folder}0.npy",
        answer=f"{folder}0.answer.json",
        images=images,
    )
    objects.put(f"{folder}0.json", json.dumps(batch.to_json()).encode())
    event: dict[str, Any] = ValidatorRequest(bucket, f"{folder}0.json").to_json()
    return event

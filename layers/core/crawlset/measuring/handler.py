"""
The Lambda handler of measurers: reads a batch, opens its pictures, has them measured, answers.

Anyone may have made the pictures, to do harm as well: they are opened in decoding children, and
one that cannot be opened or measured costs only itself.
"""

import io
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from itertools import batched
from typing import Any

import numpy as np
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from crawlset.errors import AppError
from crawlset.imaging.features import CHANNELS, Pixels, Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.kit import aws
from crawlset.measuring.base import MAX_SIDE, Measured, Measurer
from crawlset.wire.measurements import (
    LARGEST,
    MAX_DETAIL_BYTES,
    MAX_DIMENSIONS,
    MAX_ERROR_LETTERS,
    MAX_INLINE_BYTES,
    MAX_MEASURES,
    MeasurementBatch,
)
from crawlset.wire.validators import BatchImage, ValidatorRequest

READS_AT_ONCE = 8
PICTURES_AT_ONCE = 16
"""Pictures in memory, which have 25 MiB at most as files, and 12 MiB as pixels."""
DIGITS = 6
"""Significant digits of a measure."""
SPARE_SECONDS = 20.0
"""Time for the answer, and for pictures that take longer than those before."""
NO_TIME = "the function's time ended before its turn; another validation goes on"


class MeasurerMismatchError(AppError):
    """The function measures by another version than the deployment says it does."""

    def __init__(self, measurer: Measurer, wanted: str) -> None:
        super().__init__(
            f"The measurer {measurer.name} has version {measurer.version}; the deployment says"
            f" {wanted}."
        )


def handler_of(
    load: Callable[[], Measurer],
) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    """
    Make the Lambda handler of a measurer, which `load` makes at the first batch.

    The handler raises what `load` raises, each time that it is invoked.
    """
    measurer = cache(load)

    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        return answer(
            measurer(),
            ValidatorRequest.from_json(event),
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1_000,
        )

    return handler


def answer(
    measurer: Measurer, request: ValidatorRequest, *, seconds_left: Callable[[], float]
) -> dict[str, Any]:
    """
    Measure a batch: the answer, or where it lies if it is long.

    Pictures for which no time is left have an error, so that those before keep their measurements.

    Raises:
        MeasurerMismatchError: the deployment says that the measurer has another version.
        AppError: the measurer can measure nothing at all.
    """
    s3 = aws.s3()
    stored = s3.get_object(Bucket=request.bucket, Key=request.key)["Body"].read()
    batch = MeasurementBatch.from_json(stored)
    if batch.version not in {"", measurer.version}:
        raise MeasurerMismatchError(measurer, batch.version)
    vectors: list[np.ndarray] = []
    told = []
    for image, measured in measure_all(measurer, request.bucket, batch.images, seconds_left):
        told.append({"image_id": image.image_id} | _told(measured, vectors))
    if vectors:
        body = io.BytesIO()
        np.save(body, np.stack(vectors), allow_pickle=False)
        s3.put_object(Bucket=request.bucket, Key=batch.vectors, Body=body.getvalue())
    answered = json.dumps({"images": told}, separators=(",", ":"), allow_nan=False).encode()
    if len(answered) <= MAX_INLINE_BYTES:
        return {"images": told}
    s3.put_object(
        Bucket=request.bucket, Key=batch.answer, Body=answered, ContentType="application/json"
    )
    return {"answer": batch.answer}


def measure_all(
    measurer: Measurer,
    bucket: str,
    images: Sequence[BatchImage],
    seconds_left: Callable[[], float],
) -> Iterator[tuple[BatchImage, Measured | str]]:
    """
    Measurements of each of `images`, or why there are none, in their order.

    It begins with no more pictures once they might take longer than is left.

    Raises:
        AppError: the measurer raised it, and has measured none of them.
    """

    def read(image: BatchImage) -> bytes | str:
        return _read(bucket, image)

    with ThreadPoolExecutor(READS_AT_ONCE) as readers, closing(DecodePool()) as pool:
        slowest, is_sound = 0.0, False
        for place, some in enumerate(batched(images, PICTURES_AT_ONCE)):
            if place and seconds_left() < SPARE_SECONDS + 2 * slowest:
                yield from ((image, NO_TIME) for image in some)
                continue
            began = time.monotonic()
            bodies = list(readers.map(read, some))
            files = [body for body in bodies if isinstance(body, bytes)]
            opened = iter(pool.show_all(files, min(measurer.max_side, MAX_SIDE)))
            seen = [next(opened) if isinstance(body, bytes) else body for body in bodies]
            shown = [
                (_array(one), image.keyword)
                for one, image in zip(seen, some, strict=True)
                if isinstance(one, Pixels)
            ]
            found = _measured(measurer, shown)
            is_sound = is_sound or any(isinstance(one, Measured) for one in found)
            fault = next((error for error in found if isinstance(error, AppError)), None)
            if fault is not None and not is_sound:
                raise fault
            measured = (
                one if isinstance(one, Measured) else _reason(measurer, one) for one in found
            )
            slowest = max(slowest, time.monotonic() - began)
            for image, one in zip(some, seen, strict=True):
                yield image, next(measured) if isinstance(one, Pixels) else _fault(one)


def _read(bucket: str, image: BatchImage) -> bytes | str:
    """The bytes of an image; an error's text where they are not there."""
    last = image.offset + image.length - 1
    try:
        answered = aws.s3().get_object(
            Bucket=bucket, Key=image.key, Range=f"bytes={image.offset}-{last}"
        )
        return answered["Body"].read()
    except (BotoCoreError, ClientError) as error:
        return f"its bytes cannot be read: {error}"


def _array(shown: Pixels) -> np.ndarray:
    pixels = np.frombuffer(shown.data, np.uint8)
    return pixels.reshape(shown.height, shown.width, CHANNELS)


def _fault(seen: Rejection | str) -> str:
    return seen if isinstance(seen, str) else f"{seen.outcome}: {seen.detail}"


def _measured(
    measurer: Measurer, shown: Sequence[tuple[np.ndarray, str | None]]
) -> list[Measured | Exception]:
    """Measurements of pictures; where that fails for all at once, of one after the other."""
    if not shown:
        return []
    try:
        measured = measurer.measure([one for one, _ in shown], [keyword for _, keyword in shown])
        return [one for one, _ in zip(measured, shown, strict=True)]
    except Exception as error:  # noqa: BLE001, a picture may make a model raise anything
        if len(shown) > 1:
            return [each for one in shown for each in _measured(measurer, [one])]
        return [error]


def _reason(measurer: Measurer, error: Exception) -> str:
    return f"{measurer.name} fails: {type(error).__name__}: {error}"


def _told(measured: Measured | str, vectors: list[np.ndarray]) -> dict[str, Any]:
    """What the answer says of an image; its vector goes to `vectors`."""
    if isinstance(measured, str):
        return {"error": measured[:MAX_ERROR_LETTERS]}
    if (fault := _fault_of(measured, vectors)) is not None:
        return {"error": fault}
    told: dict[str, Any] = {
        "measures": {
            name: float(f"{value:.{DIGITS}g}") for name, value in measured.measures.items()
        }
    }
    if measured.vector is not None:
        told["vector"] = len(vectors)
        vectors.append(measured.vector.astype(np.float16))
    if measured.details:
        told["details"] = dict(measured.details)
    return told


def _fault_of(measured: Measured, vectors: Sequence[np.ndarray]) -> str | None:
    """Why measurements cannot be kept, if they cannot."""
    if len(measured.measures) > MAX_MEASURES:
        return f"more than {MAX_MEASURES} measures"
    for name, value in measured.measures.items():
        if not math.isfinite(value):
            return f"{name} is {value}"
    if len(json.dumps(dict(measured.details))) > MAX_DETAIL_BYTES:
        return f"details of more than {MAX_DETAIL_BYTES:,} bytes"
    return _fault_of_vector(measured.vector, vectors) if measured.vector is not None else None


def _fault_of_vector(vector: np.ndarray, others: Sequence[np.ndarray]) -> str | None:
    if vector.ndim != 1 or not 1 <= len(vector) <= MAX_DIMENSIONS:
        return f"a vector of shape {vector.shape}"
    if others and len(vector) != len(others[0]):
        return f"a vector of length {len(vector)} beside one of {len(others[0])}"
    # A comparison with what is no number is false.
    is_kept = bool((np.abs(vector) <= LARGEST).all())
    return None if is_kept else f"a vector with numbers beyond {LARGEST:g}"

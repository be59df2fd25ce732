"""
A validator: how colourful are the pictures?

By D. Hasler and S. Suesstrunk, "Measuring colourfulness in natural images", 2003: 0 for grey, about
33 for averagely and 109 for extremely colourful pictures. A rule's parameter `below` says which are
not colourful enough.

It needs nothing of Crawlset but what docs/validators.md describes: copy it, and change `measure`.
"""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import numpy as np
from aws_lambda_powertools.utilities.typing import LambdaContext
from PIL import Image

DEFAULT_BELOW = 15.0
LONGER_SIDE = 256
READS_AT_ONCE = 8

s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    bucket = event["bucket"]
    batch = json.load(s3.get_object(Bucket=bucket, Key=event["key"])["Body"])
    below = float(batch["parameters"].get("below", DEFAULT_BELOW))
    return {"images": list(judge(bucket, batch["images"], below))}


def judge(bucket: str, images: list[dict[str, Any]], below: float) -> Iterator[dict[str, Any]]:
    """What is said of each of `images`; of one that cannot be opened, why."""

    def read(image: dict[str, Any]) -> bytes:
        last = image["offset"] + image["length"] - 1
        answer = s3.get_object(
            Bucket=bucket, Key=image["key"], Range=f"bytes={image['offset']}-{last}"
        )
        return answer["Body"].read()

    with ThreadPoolExecutor(READS_AT_ONCE) as readers:
        for image, data in zip(images, readers.map(read, images), strict=True):
            judgement = {"image_id": image["image_id"]}
            try:
                measured = measure(data)
            except OSError as error:
                yield judgement | {"error": str(error)[:500]}
            else:
                yield judgement | {
                    "is_broken": measured < below,
                    "measured": measured,
                    "threshold": below,
                }


def measure(data: bytes) -> float:
    """Raises `OSError` for what is no picture."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (LONGER_SIDE, LONGER_SIDE))
        small = image.convert("RGB")
    small.thumbnail((LONGER_SIDE, LONGER_SIDE))
    red, green, blue = np.asarray(small, dtype=np.float32).transpose(2, 0, 1)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))

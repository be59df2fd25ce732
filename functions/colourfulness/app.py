"""
A validator: how colourful are the pictures?

By D. Hasler and S. Suesstrunk, "Measuring colourfulness in natural images", 2003: 0 for grey, about
33 for averagely and 109 for extremely colourful pictures. A rule's parameter `below` says which are
not colourful enough.

What it is asked and answers is in docs/validators.md. Copy it, and change `measure`. It opens the
pictures as Crawlset does, in processes apart: anyone may have made them, to do harm as well.
"""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import batched
from typing import Any

import boto3
import numpy as np
from aws_lambda_powertools.utilities.typing import LambdaContext
from PIL import Image

from crawlset.imaging.features import Features, Rejection
from crawlset.imaging.pool import DecodePool
from crawlset.resizing import Resize, ResizeMode, StoredFormat

DEFAULT_BELOW = 15.0
SMALL = Resize(
    ResizeMode.keep_ratio_largest, 256, only_if_bigger=True, format=StoredFormat.png, quality=1
)
"""The size at which a picture is measured."""
READS_AT_ONCE = 8
PICTURES_AT_ONCE = 16
"""Pictures in memory, which have 25 MiB at most."""

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

    with ThreadPoolExecutor(READS_AT_ONCE) as readers, closing(DecodePool()) as pool:
        for some in batched(images, PICTURES_AT_ONCE):
            seen = pool.decode_all(readers.map(read, some), SMALL)
            for image, one in zip(some, seen, strict=True):
                yield {"image_id": image["image_id"]} | judgement(one, below)


def judgement(seen: Features | Rejection, below: float) -> dict[str, Any]:
    if isinstance(seen, Rejection) or seen.transformed is None:
        why = f"{seen.outcome}: {seen.detail}" if isinstance(seen, Rejection) else "nothing came"
        return {"error": why}
    measured = measure(seen.transformed.data)
    return {"is_broken": measured < below, "measured": measured, "threshold": below}


def measure(png: bytes) -> float:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        small = image.convert("RGB")
    red, green, blue = np.asarray(small, dtype=np.float32).transpose(2, 0, 1)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))

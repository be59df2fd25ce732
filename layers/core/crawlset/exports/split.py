"""Which split an image belongs to."""

import hashlib

from crawlset.exports.schemas import Splits


def split_of(sha256: bytes, seed: str, splits: Splits) -> str:
    """
    `train`, `validation` or `test`, by the image's bytes and the seed alone.

    So an image keeps its split in every export with that seed, whatever else is in it; the shares
    hold on average.
    """
    digest = hashlib.sha256(seed.encode() + b"\0" + sha256).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    shares = [("train", splits.train), ("validation", splits.validation), ("test", splits.test)]
    named = [(name, share) for name, share in shares if share > 0]
    bound = 0.0
    for name, share in named:
        bound += share
        if place < bound:
            return name
    return named[-1][0]

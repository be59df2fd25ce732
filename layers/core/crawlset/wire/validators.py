"""What a validator of the deployment's own is asked; docs/validators.md describes it."""

from dataclasses import dataclass
from typing import Any

from crawlset.wire.record import Record, Versioned


@dataclass(frozen=True, slots=True)
class ValidatorRequest(Versioned):
    """What a validator is invoked with: where its batch lies."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchImage(Record):
    """An image to judge, and where its bytes lie in the bucket."""

    image_id: int
    key: str
    offset: int
    length: int
    sha256: str
    format: str
    width: int
    height: int
    keyword: str | None


@dataclass(frozen=True, slots=True)
class Batch(Versioned):
    """Images for one rule; an object that a validator reads, and later the step that judges."""

    rule: str
    parameters: dict[str, Any]
    images: list[BatchImage]

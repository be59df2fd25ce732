"""Measurers: which there are, and what they answer."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from crawlset.errors import UnprocessableError
from crawlset.settings import DeployedMeasurer, measurer_settings
from crawlset.validation.schemas import ValidationRules
from crawlset.wire.measurements import (
    MAX_DETAIL_BYTES,
    MAX_ERROR_LETTERS,
    MAX_MEASURES,
    MEASURE_NAME,
    MeasurementBatch,
)
from crawlset.wire.pipeline import StepError

LARGEST_MEASURE = 1e15
CAUSE_LETTERS = 300


def _is_kept(details: dict[str, Any]) -> dict[str, Any]:
    """Raises `ValueError` for what PostgreSQL keeps in no JSON, or is too long."""
    text = json.dumps(details, ensure_ascii=False, allow_nan=False)
    if len(text.encode()) > MAX_DETAIL_BYTES:
        raise ValueError(f"more than {MAX_DETAIL_BYTES:,} bytes")
    if "\\u0000" in text:
        raise ValueError("a NUL in a text")
    return details


def _shown(error: str | None) -> str | None:
    """The text as far as it is kept, in letters that are."""
    if error is None:
        return None
    return "".join(letter if letter.isprintable() else " " for letter in error[:MAX_ERROR_LETTERS])


class UnknownMeasurerError(UnprocessableError):
    def __init__(self, name: str, pointer: str) -> None:
        known = ", ".join(sorted(measurers())) or "none"
        super().__init__(f"There is no measurer {name!r} here; allowed: {known}.", pointer)


class MeasuredImage(BaseModel):
    """What a measurer says of one image; with an `error`, nothing."""

    model_config = ConfigDict(allow_inf_nan=False)

    image_id: int
    measures: Annotated[
        dict[
            Annotated[str, Field(pattern=f"^{MEASURE_NAME}$")],
            Annotated[float, Field(ge=-LARGEST_MEASURE, le=LARGEST_MEASURE)],
        ],
        Field(max_length=MAX_MEASURES),
    ] = {}
    vector: Annotated[
        int | None, Field(ge=0, description="Row of its vector in the batch's .npy file")
    ] = None
    details: Annotated[dict[str, JsonValue], AfterValidator(_is_kept)] = {}
    error: Annotated[str | None, AfterValidator(_shown)] = None


class MeasurerAnswer(BaseModel):
    """Items are read one by one: what is wrong with one of them costs no other."""

    images: list[Any]


def check(rules: ValidationRules) -> None:
    """
    Raises:
        UnknownMeasurerError: a rule, or `measurers`, names one that the deployment does not have.
    """
    require(rules.measurers, "/validation_rules/measurers")
    require(rules.named_measurers(), "/validation_rules")


def require(names: Iterable[str], pointer: str) -> None:
    """
    Check that the deployment has these measurers; `pointer` is where the request names them.

    Raises:
        UnknownMeasurerError: it has not.
    """
    for name in names:
        if name not in measurers():
            raise UnknownMeasurerError(name, pointer)


def measurers() -> dict[str, DeployedMeasurer]:
    """The measurers that the deployment has, by their names."""
    return measurer_settings().by_name


def understood(
    batch: MeasurementBatch, answer: Any, error: StepError | None
) -> list[MeasuredImage]:
    """What is said of each image of the batch; an error of each if that cannot be understood."""
    if error is not None:
        return _all_failed(batch, f"{batch.measurer} ended with {_reason(error)}.")
    try:
        items = MeasurerAnswer.model_validate(answer).images
    except ValidationError as invalid:
        return _all_failed(batch, f"The answer of {batch.measurer}{_fault(invalid)}.")
    said = {one.image_id: one for one in map(_read, items) if one is not None}
    return [
        said.get(
            image.image_id,
            MeasuredImage(image_id=image.image_id, error=f"{batch.measurer} said nothing of it."),
        )
        for image in batch.images
    ]


def _read(item: Any) -> MeasuredImage | None:
    """An item of an answer; None if it does not even say which image it is about."""
    try:
        return MeasuredImage.model_validate(item)
    except ValidationError as invalid:
        image_id = item.get("image_id") if isinstance(item, dict) else None
        if type(image_id) is not int:
            return None
        return MeasuredImage(image_id=image_id, error=f"The answer{_fault(invalid)}.")


def _fault(invalid: ValidationError) -> str:
    first = invalid.errors()[0]
    return f" at /{'/'.join(map(str, first['loc']))}: {first['msg']}"


def _reason(error: StepError) -> str:
    """The error's name, and its message as Lambda tells it, if it does."""
    try:
        message = str(json.loads(error.Cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return error.Error[:CAUSE_LETTERS]
    return f"{error.Error[:CAUSE_LETTERS]}: {message[:CAUSE_LETTERS]}".rstrip(".")


def _all_failed(batch: MeasurementBatch, reason: str) -> list[MeasuredImage]:
    return [MeasuredImage(image_id=image.image_id, error=reason) for image in batch.images]

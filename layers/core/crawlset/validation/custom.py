"""
Validators that a deployment brings along: what they are given, and what they answer.

A validator is a Lambda function. It is invoked with a `ValidatorRequest`, reads the `Batch` under
its key and the pictures of it, each a range of a pack, and returns a `ValidatorAnswer`.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crawlset.errors import ConflictError, UnprocessableError
from crawlset.settings import validator_settings
from crawlset.validation.rules.base import Rule
from crawlset.validation.rules.custom import CustomRule
from crawlset.wire.pipeline import StepError
from crawlset.wire.validators import Batch, BatchImage

MAX_BATCHES = 10_000
"""
Batches of a validation, for validators and measurers together.

Enough for a million images, five rules and three measurers; their numbers are one payload.
"""
USUAL_BATCHES = 1_000
"""Batches grow to `MAX_IMAGES` before a validation has more of them than this."""
MIN_IMAGES = 100
MAX_IMAGES = 1_000
"""In one batch."""
MAX_DETAIL = 500


class UnknownValidatorError(UnprocessableError):
    def __init__(self, name: str) -> None:
        known = ", ".join(sorted(validator_settings().by_name)) or "none"
        super().__init__(
            f"There is no validator {name!r} here; allowed: {known}.", "/validation_rules"
        )


class TooManyImagesError(ConflictError):
    def __init__(self, n_images: int, most: int) -> None:
        super().__init__(
            f"Validators or measurers would see {n_images} images, counted for each rule or"
            f" measurer; {most} is the most that is left of this validation."
        )


class Judgement(BaseModel):
    """The judgement of one image; with an `error`, nothing could be said of it."""

    model_config = ConfigDict(allow_inf_nan=False)

    image_id: int
    is_broken: bool = False
    measured: float | None = None
    threshold: float | None = None
    error: Annotated[str | None, Field(max_length=MAX_DETAIL)] = None


class ValidatorAnswer(BaseModel):
    images: list[Judgement]


def check(rules: Iterable[Rule]) -> None:
    """
    Raises:
        UnknownValidatorError: a rule names one that the deployment does not allow.
    """
    for rule in rules:
        if isinstance(rule, CustomRule) and rule.params.validator not in validators():
            raise UnknownValidatorError(rule.params.validator)


def validators() -> dict[str, str]:
    """The ARN of each validator the deployment allows, by its name."""
    return validator_settings().by_name


def batch_size(n_images: int, n_asked: int = 0) -> int:
    """
    Images in a batch, when so many are to be judged or measured in all.

    Args:
        n_images: counted for each rule or measurer.
        n_asked: batches of the same validation that were written before.

    Raises:
        TooManyImagesError: no size is large enough.
    """
    n_left = max(MAX_BATCHES - n_asked, 0)
    if n_images > n_left * MAX_IMAGES:
        raise TooManyImagesError(n_images, n_left * MAX_IMAGES)
    # Each rule ends with a batch that may not be full: half of the batches are left to those.
    n_usual = max(USUAL_BATCHES - n_asked, 1)
    return max(MIN_IMAGES, min(MAX_IMAGES, -(-n_images * 2 // n_usual)))


def judgements(batch: Batch, answer: Any, error: StepError | None) -> Iterator[Judgement]:
    """Judge each image of the batch; an error of each, when the answer cannot be understood."""
    if error is not None:
        yield from _all_failed(batch, f"The validator ended with {error.Error[:200]}.")
        return
    try:
        judged = {one.image_id: one for one in ValidatorAnswer.model_validate(answer).images}
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = "/".join(map(str, first["loc"]))
        yield from _all_failed(batch, f"The validator's answer at /{where}: {first['msg']}.")
        return
    for image in batch.images:
        silent = Judgement(image_id=image.image_id, error="The validator said nothing of it.")
        yield judged.get(image.image_id, silent)


def not_allowed(rule: CustomRule, images: Iterable[BatchImage]) -> Iterator[Judgement]:
    """Give an error of each image: its validator is not allowed any more."""
    reason = f"The validator {rule.params.validator} is not allowed here any more."
    return (Judgement(image_id=image.image_id, error=reason) for image in images)


def _all_failed(batch: Batch, reason: str) -> Iterator[Judgement]:
    return (Judgement(image_id=image.image_id, error=reason[:MAX_DETAIL]) for image in batch.images)

"""Steps of a validation around validators of the deployment's own: batches of images, answers."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from crawlset.kit import objects
from crawlset.observability import logger
from crawlset.validation import custom
from crawlset.validation.custom import Judgement
from crawlset.validation.rules.broken import BrokenColumns
from crawlset.validation.rules.custom import CustomRule
from crawlset.validation.running import RunningValidation
from crawlset.validation.verdict_repository import VerdictRepository
from crawlset.wire.pipeline import StepError
from crawlset.wire.validators import Batch, BatchImage

FOLDER = "batches/"


def write(validation: RunningValidation, rules: Sequence[CustomRule]) -> Iterator[dict[str, Any]]:
    """A batch for each rule and so many images; a validator that is not allowed judges none."""
    allowed = custom.validators()
    with validation.open() as (session, job):
        n_images = VerdictRepository(session).count_in_play(job)
    size = custom.batch_size(n_images * len(rules))
    index = last = 0
    while True:
        with validation.open() as (session, job):
            repository = VerdictRepository(session)
            rows = repository.list_pictures(job, last, size)
            images = [BatchImage.from_json(row._asdict()) for row in rows]
            for rule in rules:
                if rule.params.validator not in allowed:
                    refused = list(custom.not_allowed(rule, images))
                    repository.note(job, rule, _columns(refused).rows())
        if not images:
            return
        last = images[-1].image_id
        for rule in rules:
            if (validator := allowed.get(rule.params.validator)) is not None:
                batch = Batch(rule.label, rule.params.parameters, images)
                body = json.dumps(batch.to_json(), separators=(",", ":")).encode()
                objects.put(_key(validation, index), body, "application/json")
                yield {"index": index, "validator": validator}
                index += 1


def judge(validation: RunningValidation, index: int, answer: Any, error: StepError | None) -> None:
    """Write down what a validator said of a batch."""
    batch = Batch.from_json(objects.get(_key(validation, index)))
    rule = validation.rules().named(CustomRule, batch.rule)
    judgements = list(custom.judgements(batch, answer, error))
    noted = [one for one in judgements if one.is_broken or one.error is not None]
    with validation.open() as (session, job):
        found = VerdictRepository(session).note(job, rule, _columns(noted).rows())
    logger.info(
        "batch_judged",
        rule=rule.label,
        images=len(judgements),
        broken=found.n_broken,
        errors=found.n_errors,
    )


def _key(validation: RunningValidation, index: int) -> str:
    return validation.key(f"{FOLDER}{index}.json")


def _columns(judgements: Sequence[Judgement]) -> BrokenColumns:
    return BrokenColumns(
        [one.image_id for one in judgements],
        [one.measured for one in judgements],
        [one.threshold for one in judgements],
        details=[one.error for one in judgements],
        are_errors=[one.error is not None for one in judgements],
    )

"""
The steps of a validation, run by the pipeline's state machine.

Image rules come first; then exact duplicates and leakage; near duplicates among what is left, in
shares; the deployment's own validators; and last the rules on the size of sets, which look at what
would be kept. Rules of one kind are taken in their order: each sees what those before left.

Each step may run again, after it failed or though it did not: it begins where it left off or
changes nothing. A step of a completed job does nothing; of a cancelled one it raises
`JobCancelledError`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from crawlset.jobs import pipeline_jobs
from crawlset.kit import db, objects
from crawlset.models import JobStatus, ValidationJob
from crawlset.observability import logger, metrics
from crawlset.outcomes import Verdict
from crawlset.validation import custom, leakage, reporting
from crawlset.validation.checks import checks_of
from crawlset.validation.custom import Judgement
from crawlset.validation.dataset_rules import broken_by
from crawlset.validation.repository import Findings, VerdictRepository
from crawlset.validation.rules import (
    CapRule,
    ClassSizeRule,
    CustomRule,
    ExactDuplicatesRule,
    LeakageRule,
    NearDuplicatesRule,
    OddSizeRule,
    Rule,
    RuleBase,
)
from crawlset.validation.schemas import ValidationRules
from crawlset.wire import keys
from crawlset.wire.pipeline import ValidationStep
from crawlset.wire.validators import Batch, BatchImage

IMAGES_PER_STATEMENT = 50_000
"""Keeps a statement over the largest job well below the time limit of the worker's login."""
BATCHES = "batches/"
OF_SETS = (OddSizeRule, ClassSizeRule, CapRule)


def run(message: ValidationStep) -> dict[str, Any]:
    """
    Gives what the state machine's maps go through: shares of comparisons, batches of images.

    Raises:
        JobCancelledError, JobFailedError: the job ended by another hand.
        NotFoundError: it was deleted.
    """
    shares: list[dict[str, Any]] = []
    batches: list[dict[str, Any]] = []
    if message.step == "fail":
        fail(message)
    elif not _enter(message):
        pass
    elif message.step == "deduplicate":
        shares = list(deduplicate(message))
    elif message.step == "cluster":
        batches = list(cluster(message))
    else:
        STEPS[message.step](message)
    logger.info("validation_step_done", step=message.step)
    return {
        "shares": shares,
        "batches": batches,
        "bucket": objects.bucket(),
        "folder": keys.validation_file(message.validation_job_id, BATCHES),
    }


def prepare(message: ValidationStep) -> None:
    """Pending -> running, which entering has done."""


def evaluate(message: ValidationStep) -> None:
    """Judge each stored image by the image rules."""
    with _over_many(message) as (session, job):
        checks = list(checks_of(_rules_of(job)))
        repository = VerdictRepository(session)
        last: int | None = 0
        while last is not None:
            last = repository.evaluate(job, checks, last, IMAGES_PER_STATEMENT)


def deduplicate(message: ValidationStep) -> Iterator[dict[str, Any]]:
    """Put exact duplicates and leaked images out; give the shares of looking for near ones."""
    rules = _read_rules(message)
    with _over_many(message) as (session, job):
        for exact_rule in _of_kind(rules, ExactDuplicatesRule):
            VerdictRepository(session).note(job, exact_rule, broken_by(exact_rule, job))
    for leakage_rule in _of_kind(rules, LeakageRule):
        _put_out_leaked(message, leakage_rule)
    for near_rule in _of_kind(rules, NearDuplicatesRule):
        yield from _share(message, near_rule)


def compare(message: ValidationStep) -> None:
    """One share of the comparisons of all hashes with all."""
    from crawlset.imaging import clustering  # noqa: PLC0415 - brings numpy

    (rule,) = (
        r for r in _of_kind(_read_rules(message), NearDuplicatesRule) if r.label == message.rule
    )
    images = clustering.Hashed.from_bytes(objects.get(_images_key(message, rule)))
    links = clustering.compare(images, rule.params.radius, message.index)
    objects.put(_links_key(message, rule, message.index), links.to_bytes())
    logger.info("hashes_compared", hashes=len(images.hashes), links=len(links.pairs))


def cluster(message: ValidationStep) -> Iterator[dict[str, Any]]:
    """Join what the shares have found; give the batches of images for the validators."""
    rules = _read_rules(message)
    for near_rule in _of_kind(rules, NearDuplicatesRule):
        _put_out_near_duplicates(message, near_rule)
    custom_rules = list(_of_kind(rules, CustomRule))
    if custom_rules:
        yield from _batches(message, custom_rules)


def judge(message: ValidationStep) -> None:
    """Write down what a validator said of a batch."""
    batch = Batch.from_json(objects.get(_batch_key(message, message.index)))
    (rule,) = (r for r in _of_kind(_read_rules(message), CustomRule) if r.label == batch.rule)
    told = list(custom.judgements(batch, message.answer, message.error))
    broken = [one for one in told if one.is_broken and one.error is None]
    failed = [one for one in told if one.error is not None]
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        repository = VerdictRepository(session)
        repository.note(job, rule, _findings(broken).rows())
        repository.note(job, rule, _findings(failed).rows(), is_error=True)
    logger.info(
        "batch_judged", rule=rule.label, images=len(told), broken=len(broken), errors=len(failed)
    )


def finish(message: ValidationStep) -> None:
    """Judge by the rules on the size of sets, count the verdicts, and complete."""
    with _over_many(message) as (session, job):
        repository = VerdictRepository(session)
        for rule in _rules_of(job):
            if isinstance(rule, OF_SETS):
                repository.note(job, rule, broken_by(rule, job))
        counts = repository.count(job)
        n_kept, n_rejected = counts.verdicts[Verdict.keep], counts.verdicts[Verdict.reject]
        is_first = pipeline_jobs.complete(
            session,
            ValidationJob,
            job.id,
            n_kept=n_kept,
            n_quarantined=counts.verdicts[Verdict.quarantine],
            n_rejected=n_rejected,
            n_errors=counts.verdicts[Verdict.error],
            by_rule=counts.by_rule,
            report=reporting.report(session, job),
        )
    if is_first:
        metrics.add_metric(name="ImagesKept", unit="Count", value=n_kept)
        metrics.add_metric(name="ImagesRejected", unit="Count", value=n_rejected)
        logger.info("validation_job_completed", verdicts=counts.verdicts)


def fail(message: ValidationStep) -> None:
    """Write down what went wrong, unless the job has ended."""
    reason = pipeline_jobs.explain(message.error)
    with db.transaction(message.user_id) as session:
        status = pipeline_jobs.end(
            session, ValidationJob, message.validation_job_id, JobStatus.failed, reason
        )
    logger.warning("validation_job_stopped", status=status, reason=reason)


STEPS: dict[str, Callable[[ValidationStep], None]] = {
    "prepare": prepare,
    "evaluate": evaluate,
    "compare": compare,
    "judge": judge,
    "finish": finish,
}


def _put_out_leaked(message: ValidationStep, rule: LeakageRule) -> None:
    from crawlset.imaging import clustering  # noqa: PLC0415 - brings numpy

    params = rule.params
    listed = leakage.read_list(message.user_id, params.upload_id) if params.upload_id else None
    with _over_many(message) as (session, job):
        known = clustering.Known.of(leakage.stream_set(session, rule) if listed is None else listed)
        images = VerdictRepository(session).stream_sets(job)
        ids, distances = clustering.leaked(images, known, params.radius)
    for start in range(0, len(ids), IMAGES_PER_STATEMENT):
        part = slice(start, start + IMAGES_PER_STATEMENT)
        found = Findings(ids[part], distances[part], [params.radius] * len(ids[part]))
        with db.transaction(message.user_id) as session:
            job = session.get_one(ValidationJob, message.validation_job_id)
            VerdictRepository(session).note(job, rule, found.rows())
    logger.info("leaks_found", rule=rule.label, images=len(ids))


def _share(message: ValidationStep, rule: NearDuplicatesRule) -> Iterator[dict[str, Any]]:
    from crawlset.imaging import clustering  # noqa: PLC0415 - brings numpy

    with _over_many(message) as (session, job):
        images = clustering.hashed(VerdictRepository(session).stream_hashes(job))
    objects.put(_images_key(message, rule), images.to_bytes())
    n_shares = images.n_shares(rule.params.radius)
    logger.info("hashes_shared", rule=rule.label, hashes=len(images.hashes), shares=n_shares)
    for index in range(n_shares):
        yield {"rule": rule.label, "index": index}


def _put_out_near_duplicates(message: ValidationStep, rule: NearDuplicatesRule) -> None:
    from crawlset.imaging import clustering  # noqa: PLC0415 - brings numpy

    images = clustering.Hashed.from_bytes(objects.get(_images_key(message, rule)))
    found = clustering.cluster(
        images,
        [
            clustering.Links.from_bytes(objects.get(_links_key(message, rule, index)))
            for index in range(images.n_shares(rule.params.radius))
        ],
    )
    for part in found.parts(IMAGES_PER_STATEMENT):
        others = part.without_keepers()
        duplicates = Findings(
            others.members.tolist(),
            others.distances.tolist(),
            [rule.params.radius] * len(others.members),
            others.keepers.tolist(),
        )
        with db.transaction(message.user_id) as session:
            job = session.get_one(ValidationJob, message.validation_job_id)
            repository = VerdictRepository(session)
            repository.note_clusters(job, part.members.tolist(), part.keepers.tolist())
            repository.note(job, rule, duplicates.rows())
    logger.info("near_duplicates_found", rule=rule.label, images=len(found.members))


def _batches(message: ValidationStep, rules: list[CustomRule]) -> Iterator[dict[str, Any]]:
    """A batch for each rule and so many images; a validator that is not allowed judges none."""
    allowed = custom.validators()
    with db.transaction(message.user_id) as session:
        job = session.get_one(ValidationJob, message.validation_job_id)
        n_images = VerdictRepository(session).count_in_play(job)
    size = custom.batch_size(n_images * len(rules))
    index = last = 0
    while True:
        with db.transaction(message.user_id) as session:
            job = session.get_one(ValidationJob, message.validation_job_id)
            repository = VerdictRepository(session)
            rows = repository.list_pictures(job, last, size)
            images = [BatchImage.from_json(row._asdict()) for row in rows]
            for rule in rules:
                if rule.params.validator not in allowed:
                    refused = list(custom.not_allowed(rule, images))
                    repository.note(job, rule, _findings(refused).rows(), is_error=True)
        if not images:
            return
        last = images[-1].image_id
        for rule in rules:
            if (validator := allowed.get(rule.params.validator)) is not None:
                batch = Batch(rule.label, rule.params.parameters, images)
                body = json.dumps(batch.to_json(), separators=(",", ":")).encode()
                objects.put(_batch_key(message, index), body, "application/json")
                yield {"index": index, "validator": validator}
                index += 1


def _findings(judgements: list[Judgement]) -> Findings:
    return Findings(
        [one.image_id for one in judgements],
        [one.measured for one in judgements],
        [one.threshold for one in judgements],
        details=[one.error for one in judgements],
    )


def _images_key(message: ValidationStep, rule: NearDuplicatesRule) -> str:
    return keys.validation_file(message.validation_job_id, f"{rule.label}/images.npz")


def _links_key(message: ValidationStep, rule: NearDuplicatesRule, index: int) -> str:
    return keys.validation_file(message.validation_job_id, f"{rule.label}/{index}.npz")


def _batch_key(message: ValidationStep, index: int) -> str:
    return keys.validation_file(message.validation_job_id, f"{BATCHES}{index}.json")


def _of_kind[Kind: RuleBase](rules: list[Rule], kind: type[Kind]) -> Iterator[Kind]:
    return (rule for rule in rules if isinstance(rule, kind))


def _rules_of(job: ValidationJob) -> list[Rule]:
    return ValidationRules.model_validate(job.validation_rules).resolved()


def _read_rules(message: ValidationStep) -> list[Rule]:
    with db.transaction(message.user_id) as session:
        return _rules_of(session.get_one(ValidationJob, message.validation_job_id))


@contextmanager
def _over_many(message: ValidationStep) -> Iterator[tuple[Session, ValidationJob]]:
    with db.transaction(message.user_id) as session:
        db.expect_many(session)
        yield session, session.get_one(ValidationJob, message.validation_job_id)


def _enter(message: ValidationStep) -> bool:
    with db.transaction(message.user_id) as session:
        return pipeline_jobs.enter(session, ValidationJob, message.validation_job_id)

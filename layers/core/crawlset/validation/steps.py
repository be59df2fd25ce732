"""
The steps of a validation, run by the pipeline's state machine.

Rules about a picture come first: image rules, the deployment's own validators, measurers and the
rules about their measures. Then come odd sizes, leakage and exact duplicates; near and semantic
duplicates in shares; and last the rules on the size of sets, which look at what would be kept. So
no image gives way to one that a rule about pictures puts out. Rules of one kind are taken in their
order: each sees what those before left.

Each step may run again, after it failed or though it did not: it begins where it left off or
changes nothing. A step of a completed job does nothing; of a cancelled one it raises
`JobCancelledError`.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import false, or_
from sqlalchemy.orm import Session

from crawlset.jobs import pipeline_jobs
from crawlset.jobs.pipeline_repository import PipelineRepository
from crawlset.kit import db, objects
from crawlset.models import JobStatus, ValidationJob
from crawlset.observability import logger, metrics
from crawlset.outcomes import Verdict
from crawlset.validation import batches, measurements, report_repository
from crawlset.validation.measurement_repository import MeasurementRepository
from crawlset.validation.rules.base import Severity
from crawlset.validation.rules.custom import CustomRule
from crawlset.validation.rules.dataset import (
    ClusterRule,
    DatasetRule,
    ExactDuplicatesRule,
    LeakageRule,
    OddSizeRule,
    SizeRule,
)
from crawlset.validation.rules.measured import MeasureRule
from crawlset.validation.running import IMAGES_PER_STATEMENT, RunningValidation
from crawlset.validation.schemas import ValidationRules
from crawlset.validation.verdict_repository import VerdictRepository
from crawlset.wire.pipeline import StepError, ValidationStep, grouped


def run(message: ValidationStep) -> dict[str, Any]:
    """
    Run one step; give what the state machine's maps go through, or why its execution ends.

    Maps go through shares of comparisons, and batches of images, for validators or for measurers,
    with the folder they lie in.

    Raises:
        JobCancelledError, JobFailedError: the job ended by another hand.
        NotFoundError: it was deleted.
    """
    validation = RunningValidation(message.user_id, message.validation_job_id)
    found: dict[str, Any] = {
        "shares": [],
        "batches": [],
        "bucket": objects.bucket(),
        "folder": validation.key(batches.FOLDER),
    }
    if message.step == "fail":
        found["error"] = asdict(fail(validation, message.error))
    elif validation.enter():
        found |= _step(validation, message)
    logger.info("validation_step_done", step=message.step)
    if message.in_groups:
        found["groups"] = grouped([*found.pop("batches"), *found.pop("shares")])
    return found


def _step(validation: RunningValidation, message: ValidationStep) -> dict[str, Any]:
    match message.step:
        case "evaluate":
            evaluate(validation)
            return {"batches": list(ask_validators(validation))}
        case "judge":
            batches.judge(validation, message.index, message.answer, message.error)
        case "measure" | "keep" | "decide":
            return measure(validation, message)
        case "deduplicate":
            return {"shares": list(deduplicate(validation))}
        case "compare":
            compare(validation, message.rule, message.index)
        case "put_out_copies":
            put_out_copies(validation)
        case "cluster":
            # Executions that began before duplicates came last ask validators behind them.
            put_out_copies(validation)
            return {"batches": list(ask_validators(validation))}
        case "finish":
            finish(validation)
    return {}


def evaluate(validation: RunningValidation) -> None:
    """Judge stored images by the image rules, and by those on measures that are all known."""
    with validation.open(over_many=True) as (session, job):
        rules = ValidationRules.of(job)
        image_rules, settled = rules.image_rules(), list(_settled(session, job, rules))
        repository = VerdictRepository(session)
        last: int | None = 0
        while last is not None:
            last = repository.evaluate(job, image_rules, settled, last, IMAGES_PER_STATEMENT)


def _settled(session: Session, job: ValidationJob, rules: ValidationRules) -> Iterator[MeasureRule]:
    """
    Give the first measure rules, as far as measurers have no work left for them.

    They find the same later; one pass is shorter than two. What validators put out comes before.
    """
    if not rules.of_kind(CustomRule):
        known, repository = measurements.measurers(), MeasurementRepository(session)
        rejecting = [rule for rule in rules.image_rules() if rule.severity is Severity.reject]
        is_out = or_(false(), *(rule.condition()[0] for rule in rejecting))
        for rule in rules.of_kind(MeasureRule):
            measurer = known.get(rule.params.measurer)
            if measurer is None or not repository.is_settled(job, measurer, is_out):
                return
            yield rule


def ask_validators(validation: RunningValidation) -> Iterator[dict[str, Any]]:
    """Write the batches of images in play for the validators that rules ask for, and give them."""
    if custom_rules := validation.rules().of_kind(CustomRule):
        yield from batches.write(validation, custom_rules)


def deduplicate(validation: RunningValidation) -> Iterator[dict[str, Any]]:
    """
    Put out images of odd sizes, leaked ones and exact duplicates.

    Gives the shares of looking for near and semantic duplicates.
    """
    rules = validation.rules()
    dataset_rules = [rule.label for rule in rules.of_kind(DatasetRule)]
    with validation.open(over_many=True) as (session, job):
        for odd_rule in rules.of_kind(OddSizeRule):
            broken = odd_rule.broken(job, dataset_rules)
            VerdictRepository(session).note(job, odd_rule, broken)
    leakage_rules, cluster_rules = rules.of_kind(LeakageRule), rules.cluster_rules()
    if leakage_rules or cluster_rules:
        from crawlset.validation import comparison  # noqa: PLC0415 - brings numpy

        for leakage_rule in leakage_rules:
            comparison.put_out_leaked(validation, leakage_rule)
    with validation.open(over_many=True) as (session, job):
        for exact_rule in rules.of_kind(ExactDuplicatesRule):
            VerdictRepository(session).note(job, exact_rule, exact_rule.broken(job))
    for cluster_rule in cluster_rules:
        yield from comparison.share(validation, cluster_rule)


def compare(validation: RunningValidation, label: str, index: int) -> None:
    """Compare one share of all images with all."""
    from crawlset.validation import comparison  # noqa: PLC0415 - brings numpy

    rule = validation.rules().named(ClusterRule, label)
    comparison.compare(validation, rule, index)


def put_out_copies(validation: RunningValidation) -> None:
    """Join what the shares have found, and put all duplicates out but the keepers."""
    if cluster_rules := validation.rules().cluster_rules():
        from crawlset.validation import comparison  # noqa: PLC0415 - brings numpy

        for cluster_rule in cluster_rules:
            comparison.put_out_duplicates(validation, cluster_rule)


def measure(validation: RunningValidation, message: ValidationStep) -> dict[str, Any]:
    """Run a step around measurers, if a rule asks for one; give the batches for them, if any."""
    if not validation.rules().asked_measurers():
        return {}
    from crawlset.validation import measuring  # noqa: PLC0415 - brings numpy

    return measuring.run(validation, message)


def finish(validation: RunningValidation) -> None:
    """Judge by the rules on the size of sets, count the verdicts, and complete."""
    with validation.open(over_many=True) as (session, job):
        repository = VerdictRepository(session)
        for rule in ValidationRules.of(job).of_kind(SizeRule):
            repository.note(job, rule, rule.broken(job))
        counts = repository.count(job)
        n_kept, n_rejected = counts.verdicts[Verdict.keep], counts.verdicts[Verdict.reject]
        is_first = PipelineRepository(session).complete(
            ValidationJob,
            job.id,
            n_kept=n_kept,
            n_quarantined=counts.verdicts[Verdict.quarantine],
            n_rejected=n_rejected,
            n_errors=counts.verdicts[Verdict.error],
            by_rule=counts.by_rule,
            warnings=list(report_repository.warnings(session, job)),
            report=report_repository.report(session, job),
        )
    if is_first:
        metrics.add_metric(name="ImagesKept", unit="Count", value=n_kept)
        metrics.add_metric(name="ImagesRejected", unit="Count", value=n_rejected)
        logger.info("validation_job_completed", verdicts=counts.verdicts)


def fail(validation: RunningValidation, error: StepError | None) -> StepError:
    """Write down what went wrong, unless the job has ended; gives why the execution ends."""
    reason = pipeline_jobs.explain(error)
    with db.transaction(validation.user_id) as session:
        status = PipelineRepository(session).end(
            ValidationJob, validation.id, JobStatus.failed, reason
        )
        why = pipeline_jobs.why_ended(error, session.get(ValidationJob, validation.id))
    logger.warning("validation_job_stopped", status=status, reason=reason)
    return why

"""One step of a validation, for the pipeline's state machine."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.kit import environment
from crawlset.observability import logger, metrics
from crawlset.validation import steps
from crawlset.wire.pipeline import ValidationStep

environment.clear_disk()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    message = ValidationStep.from_json(event)
    with logger.append_context_keys(
        job_id=str(message.job_id), validation_job_id=str(message.validation_job_id)
    ):
        return steps.run(message)

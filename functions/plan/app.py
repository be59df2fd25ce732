"""Plan the candidates that the messages on the plan queue name."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from crawlset.crawls import planning
from crawlset.estimates import probes
from crawlset.kit.batch import Delivery, Failures, handle_each
from crawlset.observability import logger, metrics
from crawlset.wire import keys
from crawlset.wire.notices import keys_of
from crawlset.wire.record import loads


def plan_named(delivery: Delivery) -> None:
    for key in keys_of(loads(delivery.body)):
        with logger.append_context_keys(job_id=keys.job_id_of(key)):
            if keys.is_probe(key):
                probes.record(key)
            elif keys.is_deferral(key):
                planning.defer(key)
            else:
                planning.plan_part(key)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Failures:
    return handle_each(event, plan_named)

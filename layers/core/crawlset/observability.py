"""The one logger and the one metrics sink of a function."""

import logging
import os

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
# Powertools lets the level of Lambda's own filter go first. The template leaves that at INFO: above
# it, Lambda would drop metrics.
logging.getLogger(logger.name).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))
metrics = Metrics()


def count_failure() -> None:
    """
    Count a failure that is nobody's but ours, by the version of the function that it happened in.

    What Lambda counts as errors are crashes alone. A rollout goes back by the sum of both.
    """
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
    with single_metric(name="Failures", unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension("function", name)
        metric.add_dimension("version", version)

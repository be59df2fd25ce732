"""The level of the log, beside the one by which Lambda filters."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from crawlset.observability import logger, metrics
logger.debug("a_detail"); logger.info("a_change"); logger.error("a_need")
metrics.add_metric(name="ImagesStored", unit="Count", value=1)
metrics.flush_metrics()
"""


@pytest.mark.parametrize(
    ("level", "filtered", "logged"),
    [
        ("DEBUG", "DEBUG", {"a_detail", "a_change", "a_need"}),
        ("INFO", "INFO", {"a_change", "a_need"}),
        ("ERROR", "INFO", {"a_need"}),
    ],
)
def test_is_what_the_parameter_says_and_keeps_metrics(
    level: str, filtered: str, logged: set[str]
) -> None:
    """
    Lambda tells a function its own level, which Powertools lets go first.

    https://docs.aws.amazon.com/powertools/python/latest/core/logger/#aws-lambda-advanced-logging-controls-alc
    """
    environment = os.environ | {
        "AWS_LAMBDA_LOG_LEVEL": filtered,
        "POWERTOOLS_LOG_LEVEL": level,
        "POWERTOOLS_SERVICE_NAME": "tests",
        "POWERTOOLS_METRICS_NAMESPACE": "Tests",
    }

    out = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert {event for event in ("a_detail", "a_change", "a_need") if event in out} == logged
    assert "ImagesStored" in out

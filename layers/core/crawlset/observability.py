"""The one logger and the one metrics sink of a function."""

import logging
import os

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
# Powertools lets the level of Lambda's own filter go first. The template leaves that at INFO: above
# it, Lambda would drop metrics.
logging.getLogger(logger.name).setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))
metrics = Metrics()

"""Executions of the pipeline that the bucket has been asked for."""

from crawlset.kit import objects
from crawlset.wire import keys
from crawlset.wire.pipeline import Execution


def executions() -> dict[str, Execution]:
    """By name."""
    return {
        keys.parse_execution(key): Execution.from_json(objects.get(key))
        for key in objects.list_keys("executions/")
    }

"""Starts executions, for the network with the database, which has no road to Step Functions."""

from crawlset.kit import aws, objects
from crawlset.observability import logger
from crawlset.settings import pipeline_settings
from crawlset.wire import keys


def start(key: str) -> None:
    """
    Start the execution that is asked for at `key`; one that has run already counts as started.

    Raises what Step Functions says otherwise: whoever hears of the object hears of it again.
    """
    name = keys.parse_execution(key)
    client = aws.stepfunctions()
    try:
        client.start_execution(
            stateMachineArn=pipeline_settings().pipeline_state_machine_arn,
            name=name,
            input=objects.get(key).decode(),
        )
    except client.exceptions.ExecutionAlreadyExists:
        logger.info("execution_exists", execution=name)

"""Functions that are asked and waited for."""

import json
from collections.abc import Mapping
from typing import Any

from crawlset.kit import aws

CAUSE_LETTERS = 500


class FunctionFailedError(Exception):
    """Raised for a function that was asked and has failed, with what it said."""


def wait_for(function_arn: str, event: Mapping[str, Any]) -> Any:
    """
    What the function answers to `event`, however long it takes; it is asked once.

    Raises:
        FunctionFailedError: it failed, or its time was over.
    """
    answer = aws.slow_functions().invoke(FunctionName=function_arn, Payload=json.dumps(event))
    payload: Any = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        told = payload if isinstance(payload, dict) else {}
        cause = f"{told.get('errorType', 'Error')}: {told.get('errorMessage', payload)}"
        raise FunctionFailedError(cause[:CAUSE_LETTERS])
    return payload

"""
Requests of CloudFormation to a custom resource, and the answers it waits for.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import ssl
import urllib.request
from collections.abc import Callable
from typing import Any

from crawlset.observability import logger

TIMEOUT_SECONDS = 20
ATTEMPTS = 3
LONGEST_REASON = 1_000
"""An answer may have 4,096 bytes."""

Put = Callable[[str, bytes], None]
"""Puts a body at an address."""


def answer(
    request: dict[str, Any], resource_id: str, work: Callable[[dict[str, str]], str], send: Put
) -> None:
    """
    Do `work` with the properties of a resource that is made or changed, and say how it went.

    Whatever happens is answered, as CloudFormation waits until it hears: a failure with its
    reason. Nothing is done for a resource that is deleted.
    """
    status, reason = "SUCCESS", ""
    try:
        if request["RequestType"] != "Delete":
            reason = work(request["ResourceProperties"])
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation is told
        logger.exception("custom_resource_failed")
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
    told = {
        "Status": status,
        "Reason": reason[:LONGEST_REASON],
        "PhysicalResourceId": resource_id,
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    logger.info("custom_resource_answered", status=status)
    send(request["ResponseURL"], json.dumps(told).encode())


def put(url: str, body: bytes) -> None:
    """
    Put `body` at the presigned address of a request, by HTTPS; three times at most.

    Raises:
        ValueError: the address is none of HTTPS.
        OSError: nobody took the body.
    """
    if not url.startswith("https://"):
        message = "Answers go by HTTPS only."
        raise ValueError(message)
    # An empty content type is what the address was signed with.
    request = urllib.request.Request(  # noqa: S310 - its scheme is known
        url, data=body, method="PUT", headers={"Content-Type": ""}
    )
    context = ssl.create_default_context()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context):  # noqa: S310
                return
        except OSError:
            if attempt == ATTEMPTS:
                raise
            logger.warning("answer_not_taken", attempt=attempt)

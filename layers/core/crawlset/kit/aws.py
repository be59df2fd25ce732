"""Every boto3 client of the service, made once for each execution environment."""

import os
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

if TYPE_CHECKING:
    from types_boto3_bedrock_runtime import BedrockRuntimeClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_kms import KMSClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

IMPATIENT = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 2}
)
"""A sender goes on within seconds; what was not taken is sent again by the next tick."""
THROTTLES = frozenset(
    {
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes with which services ask for fewer requests, under whatever status."""


@cache
def s3() -> "S3Client":
    """
    The client for the bucket, at the host name of its region, or by path at an emulator.

    boto3's default, `s3.amazonaws.com`, presigns URLs that regions launched after March 2019 answer
    with 400 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html), and older
    ones with a redirect that the signature does not hold for while a bucket is new
    (https://github.com/boto/boto3/issues/2728).
    """
    return boto3.client(
        "s3",
        config=Config(
            signature_version="s3v4",
            retries={"mode": "standard", "max_attempts": 4},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"}
            if "AWS_ENDPOINT_URL" in os.environ
            else {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        ),
    )


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs", config=IMPATIENT)


@cache
def patient_sqs() -> "SQSClient":
    """A client for calls that nobody repeats: the default timeouts and retries."""
    return boto3.client("sqs")


@cache
def stepfunctions() -> "SFNClient":
    return boto3.client("stepfunctions", config=IMPATIENT)


@cache
def eventbridge() -> "EventBridgeClient":
    return boto3.client("events", config=IMPATIENT)


@cache
def kms() -> "KMSClient":
    return boto3.client("kms", config=IMPATIENT)


@cache
def bedrock() -> "BedrockRuntimeClient":
    return boto3.client(
        "bedrock-runtime",
        config=Config(connect_timeout=3, read_timeout=20, retries={"max_attempts": 2}),
    )


@cache
def functions() -> "LambdaClient":
    """A client that waits for a function nearly as long as a request may take, once."""
    return boto3.client(
        "lambda",
        config=Config(connect_timeout=3, read_timeout=24, retries={"total_max_attempts": 1}),
    )


@cache
def slow_functions() -> "LambdaClient":
    """
    A client that waits as long as a function may run, and asks it once.

    With botocore's own 60 s and its retries a function that is slower would be invoked again:
    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
    """
    return boto3.client(
        "lambda",
        config=Config(
            connect_timeout=5,
            read_timeout=890,
            retries={"total_max_attempts": 1},
            tcp_keepalive=True,
        ),
    )


@cache
def secretsmanager() -> "SecretsManagerClient":
    return boto3.client("secretsmanager")


def is_unavailable(error: BaseException) -> bool:
    """Whether AWS is at fault for now: it did not answer, it failed, or it wants fewer requests."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in THROTTLES
    return isinstance(error, HTTPClientError | NotConnectedError)


def clear() -> None:
    """Forget every client, as tests do between one AWS and the next."""
    for client in (
        s3,
        sqs,
        patient_sqs,
        stepfunctions,
        eventbridge,
        kms,
        bedrock,
        functions,
        slow_functions,
        secretsmanager,
    ):
        client.cache_clear()

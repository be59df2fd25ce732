"""
The bucket as a fetch needs it, by a client that is there a third of a second before boto3.

What it raises is a `BaseError` of obstore, or `FileNotFoundError`.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from obstore.exceptions import AlreadyExistsError, GenericError, PermissionDeniedError
from obstore.store import S3Store

from crawlset.kit.json_lines import unpack_lines

PART_BYTES = 64 << 20
"""
One request for all but the largest packs.

S3 advises parts from 100 MB on (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
"""
PARTS_AT_ONCE = 2
N_RETRIES = 3
ABSENT = (FileNotFoundError, PermissionDeniedError)
"""S3 answers 403, not 404, for a key that is not there to a role that may not list."""


@cache
def store() -> S3Store:
    """
    Key, session token and region are in the environment, where obstore looks for them.

    Bodies are not hashed for the signature, as AWS's own SDKs leave it out where TLS protects them
    (https://docs.aws.amazon.com/AWSJavaSDK/latest/javadoc/com/amazonaws/auth/AWS4UnsignedPayloadSigner.html);
    the laptop's way is the loopback.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    return S3Store(
        os.environ["BUCKET_NAME"],
        virtual_hosted_style_request=not endpoint,
        unsigned_payload=True,
        client_options={"allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": N_RETRIES},
    )


def exists(key: str) -> bool:
    try:
        store().head(key)
    except ABSENT:
        return False
    return True


def get_lines(key: str) -> Iterator[Any]:
    return unpack_lines(bytes(store().get(key).bytes()))


def put_file(key: str, path: Path) -> None:
    """
    Write a file whose `key` nobody else has, in parts, a few at once, when it is large.

    It takes nothing's place: what is there was written by a try whose answer was lost.
    """
    if path.stat().st_size > PART_BYTES:
        from crawlset.fetching import parts  # noqa: PLC0415 - boto3, for the largest packs

        parts.put_once(os.environ["BUCKET_NAME"], key, path, PART_BYTES, PARTS_AT_ONCE)
        return
    for is_last in (False, True):
        try:
            store().put(key, path, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return
        except GenericError:  # a lost connection, after which obstore tries no such request again
            if is_last:
                raise
        else:
            return


def put_once(key: str, body: bytes) -> bool:
    """Write `key` unless it is there; say whether this call wrote it."""
    try:
        store().put(key, body, mode="create")
    except AlreadyExistsError:
        return False
    return True

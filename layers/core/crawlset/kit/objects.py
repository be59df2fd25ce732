"""Objects in the bucket: whole ones, JSON lines, ranges, conditional writes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from crawlset.kit.aws import s3
from crawlset.kit.json_lines import unpack_lines
from crawlset.settings import bucket_settings

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

DELETED_AT_ONCE = 1_000
PART_BYTES = 16 << 20
IN_PARTS = TransferConfig(
    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4
)
ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN})
"""S3 answers 403, not 404, for a key that is not there to a role that may not list."""
TAKEN = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})


class ObjectAbsentError(LookupError):
    def __init__(self, key: str) -> None:
        super().__init__(f"There is no object {key}.")


class UndeletedError(RuntimeError):
    """Storage answered the deletion of many, and left some."""

    def __init__(self, key: str, code: str) -> None:
        super().__init__(f"{key} was not deleted ({code}).")


def bucket() -> str:
    return bucket_settings().bucket_name


def exists(key: str) -> bool:
    return head(key) is not None


def head(key: str, in_bucket: str | None = None) -> tuple[int, str] | None:
    """Bytes and ETag of an object, in another bucket if one is named; None when there is none."""
    try:
        answer = s3().head_object(Bucket=in_bucket or bucket(), Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in ABSENT:
            return None
        raise
    return answer["ContentLength"], answer["ETag"]


def written_at(key: str) -> datetime | None:
    """When an object was written; None when there is none."""
    try:
        return s3().head_object(Bucket=bucket(), Key=key)["LastModified"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in ABSENT:
            return None
        raise


def size_of(key: str) -> int:
    """Bytes of an object; 0 when there is none."""
    found = head(key)
    return found[0] if found is not None else 0


def get(key: str) -> bytes:
    """Raises `ObjectAbsentError` when there is none."""
    with _is_there(key):
        return s3().get_object(Bucket=bucket(), Key=key)["Body"].read()


def stream(key: str, piece_bytes: int) -> Iterator[bytes]:
    """Its bytes, piece by piece. Raises `ObjectAbsentError` when there is none."""
    with _is_there(key):
        body = s3().get_object(Bucket=bucket(), Key=key)["Body"]
    yield from body.iter_chunks(piece_bytes)


def get_range(key: str, offset: int, length: int) -> bytes:
    """Raises `ObjectAbsentError` when there is no such object."""
    wanted = f"bytes={offset}-{offset + length - 1}"
    with _is_there(key):
        return s3().get_object(Bucket=bucket(), Key=key, Range=wanted)["Body"].read()


@contextmanager
def _is_there(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in ABSENT:
            raise ObjectAbsentError(key) from error
        raise


def put(key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
    s3().put_object(Bucket=bucket(), Key=key, Body=body, ContentType=content_type)


def put_file(key: str, path: Path) -> None:
    """In parts, a few at once, when it is large."""
    s3().upload_file(str(path), bucket(), key, Config=IN_PARTS)


def put_once(key: str, body: bytes) -> bool:
    """Write `key` unless it is there; say whether this call wrote it."""
    try:
        s3().put_object(Bucket=bucket(), Key=key, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in TAKEN:
            return False
        raise
    return True


def delete(key: str) -> None:
    s3().delete_object(Bucket=bucket(), Key=key)


def list_keys(prefix: str) -> Iterator[str]:
    return (key for key, _ in list_written(prefix))


def list_written(prefix: str) -> Iterator[tuple[str, datetime]]:
    """Every key below `prefix`, and when it was written."""
    for page in s3().get_paginator("list_objects_v2").paginate(Bucket=bucket(), Prefix=prefix):
        for entry in page.get("Contents", ()):
            yield entry["Key"], entry["LastModified"]


def list_sizes(prefix: str, in_bucket: str | None = None) -> Iterator[tuple[str, int]]:
    """Every key below `prefix`, and its bytes; in another bucket if one is named."""
    pages = s3().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=in_bucket or bucket(), Prefix=prefix):
        for entry in page.get("Contents", ()):
            yield entry["Key"], entry["Size"]


def list_folders(prefix: str) -> Iterator[str]:
    """The names directly below `prefix` that have objects below them."""
    pages = (
        s3()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket(), Prefix=prefix, Delimiter="/")
    )
    for page in pages:
        for entry in page.get("CommonPrefixes", ()):
            yield entry["Prefix"].removeprefix(prefix).removesuffix("/")


def delete_old(prefix: str, before: datetime, limit: int) -> int:
    """Delete objects below `prefix` last written before then, at most `limit`; say how many."""
    old = (key for key, written_at in list_written(prefix) if written_at < before)
    return delete_many(islice(old, limit))


def delete_all(prefix: str, limit: int | None = None) -> int:
    """Delete objects below `prefix`, at most `limit`; say how many."""
    return delete_many(islice(list_keys(prefix), limit))


def delete_many(keys: Iterable[str]) -> int:
    """
    Delete these, a thousand a request; say how many.

    Raises:
        UndeletedError: one is still there.
    """
    found: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys]
    for begin in range(0, len(found), DELETED_AT_ONCE):
        batch = found[begin : begin + DELETED_AT_ONCE]
        answer = s3().delete_objects(Bucket=bucket(), Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            raise UndeletedError(str(errors[0].get("Key")), str(errors[0].get("Code")))
    return len(found)


def presign_put(key: str, n_bytes: int, lifetime: timedelta) -> str:
    """
    A URL to which anyone may PUT `key` for a while, in exactly `n_bytes`.

    The length is one of the headers that are signed: S3 refuses any other with 403
    SignatureDoesNotMatch (https://github.com/storacha/w3infra/pull/79, and what it did to people
    who had not meant it: https://github.com/HALO-UMC/HALO-SERVER/issues/270).
    """
    return _presign("put_object", lifetime, Key=key, ContentLength=n_bytes)


def presign_get(key: str, lifetime: timedelta, **headers: str) -> str:
    """
    A URL from which anyone may GET `key` for a while.

    `headers` are named as S3 does. Those of the answer begin with `Response`. With a `Range`, only
    who sends that very header is answered: S3 checks it against the signature.
    """
    return _presign("get_object", lifetime, Key=key, **headers)


def _presign(operation: str, lifetime: timedelta, **parameters: str | int) -> str:
    return s3().generate_presigned_url(
        operation,
        Params={"Bucket": bucket(), **parameters},
        ExpiresIn=int(lifetime.total_seconds()),
    )


def get_lines(key: str) -> Iterator[Any]:
    return unpack_lines(get(key))

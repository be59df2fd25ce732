"""A large file in parts that takes no other's place, as obstore cannot join them."""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import GenericError

from crawlset.kit import aws

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef


def put_once(bucket: str, key: str, path: Path, part_bytes: int, at_once: int) -> None:
    """
    Write `path` in parts unless `key` is there; a failure leaves none behind.

    Raises:
        GenericError: the bucket does not take it for now.
        ClientError: it never will.
    """
    s3 = aws.s3()
    n_parts = -(-path.stat().st_size // part_bytes)

    def put(index: int) -> str:
        with path.open("rb") as file:
            file.seek(index * part_bytes)
            body = file.read(part_bytes)
        return s3.upload_part(
            Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=index + 1, Body=body
        )["ETag"]

    try:
        upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        try:
            with ThreadPoolExecutor(at_once) as pool:
                entity_tags = list(pool.map(put, range(n_parts)))
            _join(bucket, key, upload_id, entity_tags)
        except BaseException:
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
            raise
    except (BotoCoreError, ClientError) as error:
        if aws.is_unavailable(error):
            raise GenericError(str(error)) from error
        raise


def _join(bucket: str, key: str, upload_id: str, entity_tags: list[str]) -> None:
    """What is there already was joined by a try whose answer was lost: a pack's name is its own."""
    parts: list[CompletedPartTypeDef] = [
        {"ETag": tag, "PartNumber": number} for number, tag in enumerate(entity_tags, 1)
    ]
    try:
        aws.s3().complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload_id,
            MultipartUpload={"Parts": parts},
            IfNoneMatch="*",
        )
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == HTTPStatus.CONFLICT:
            raise GenericError(str(error)) from error
        if status != HTTPStatus.PRECONDITION_FAILED:
            raise

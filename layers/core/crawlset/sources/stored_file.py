"""An object in the bucket, read piece by piece."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from crawlset.errors import UnprocessableError
from crawlset.kit import aws, objects


class ObjectChangedError(UnprocessableError):
    """Somebody wrote the object again while it was being read."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The object as it was when it had `version`, its ETag."""

    key: str
    size: int
    version: str
    bucket: str | None = None
    """None for this deployment's."""

    def read(self, offset: int, length: int) -> bytes:
        """
        At most `length` bytes from `offset` on; what lies behind the end is not there.

        Raises:
            ObjectChangedError: it is another by now.
        """
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        try:
            answer = aws.s3().get_object(
                Bucket=self.bucket or objects.bucket(),
                Key=self.key,
                Range=f"bytes={offset}-{offset + length - 1}",
                IfMatch=self.version,
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in {404, 412}:
                raise ObjectChangedError("The list changed while it was read.") from error
            raise
        return answer["Body"].read()

"""An object in the bucket as a file that can be read forwards and sought in, in flat memory."""

import io

from botocore.exceptions import ClientError

from crawlset.errors import UnprocessableError
from crawlset.kit import aws, objects

READ_AHEAD_BYTES = 4 << 20


class ObjectChangedError(UnprocessableError):
    """Somebody wrote the object again while it was being read."""


def open_stored(
    key: str, size: int, version: str, read_ahead: int | None = None
) -> io.BufferedReader:
    """
    The object as it was when it had `version`, fetched `read_ahead` bytes (4 MiB) at a time.

    Reading raises `ObjectChangedError` once it is another.
    """
    return io.BufferedReader(
        _Ranges(key, size, version), buffer_size=read_ahead or READ_AHEAD_BYTES
    )


class _Ranges(io.RawIOBase):
    def __init__(self, key: str, size: int, version: str) -> None:
        self._key = key
        self._size = size
        self._version = version
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        body = self._get(length)
        buffer[: len(body)] = body
        self._position += len(body)
        return len(body)

    def _get(self, length: int) -> bytes:
        last = self._position + length - 1
        try:
            answer = aws.s3().get_object(
                Bucket=objects.bucket(),
                Key=self._key,
                Range=f"bytes={self._position}-{last}",
                IfMatch=self._version,
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in {404, 412}:
                raise ObjectChangedError("The upload changed while it was read.") from error
            raise
        return answer["Body"].read()

"""Several lists that are read as one: which files they are, in which order."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from botocore.exceptions import ClientError

from crawlset.errors import UnprocessableError
from crawlset.kit import objects
from crawlset.settings import MAX_LISTED_FILES, SourceSettings
from crawlset.wire.lists import ListedFile, ListHead
from crawlset.wire.record import unpack
from crawlset.wire.searches import SearchRequest

SUFFIXES = frozenset({
    "", ".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".zip", ".tar", ".tgz",
})  # fmt: skip
"""Files with others are no lists; those without one, as Hadoop writes them, are looked into."""
PACKED = frozenset({".gz", ".zst"})
MAX_OBJECTS = 10 * MAX_LISTED_FILES
"""Objects of a prefix that are looked through."""
_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.*)", re.DOTALL)
_REFUSED = frozenset({"AccessDenied", "NoSuchBucket", "AllAccessDisabled", "403", "404"})


class UnknownListsError(UnprocessableError):
    """There is no prefix of lists that may be read, or nothing below it; says which."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "/list_uri")


def check_uri(uri: str, settings: SourceSettings) -> tuple[str, str]:
    """
    Bucket and prefix of `s3://bucket/prefix/`.

    Raises `UnknownListsError` for what this deployment does not allow.
    """
    found = _URI.fullmatch(uri)
    if found is None or not uri.endswith("/"):
        raise UnknownListsError("A list_uri is s3://bucket/prefix/, with a slash at its end.")
    if not settings.may_read_lists(uri):
        raise UnknownListsError(
            f"This deployment does not read lists below {uri}"
            + (f", but below {settings.list_prefix}." if settings.list_prefix else ".")
        )
    if found[1] == objects.bucket():
        raise UnknownListsError("The bucket of this deployment is no place for lists.")
    return found[1], found[2]


def is_list_name(name: str) -> bool:
    """
    Whether a file of this name, folders included, may be a list.

    None is that is hidden, a README, a sign of Hadoop's, such as _SUCCESS, or a bare .tar: among
    lists it is a shard of pictures, as WebDataset has them.
    """
    path = PurePosixPath(name)
    if any(part.startswith((".", "_")) for part in path.parts):
        return False
    suffix = path.suffix.lower()
    if suffix == ".tar":
        return False
    if suffix in PACKED:
        suffix = PurePosixPath(path.stem).suffix.lower()
    return suffix in SUFFIXES and not path.name.lower().startswith("readme")


def files_of(request: SearchRequest, settings: SourceSettings) -> tuple[ListHead, list[ListedFile]]:
    """The files of a request that names several, in order, and how many bytes they have."""
    if request.lists_key is not None:
        return unpack(ListHead, ListedFile, objects.get_lines(request.lists_key))
    return _below(*check_uri(request.list_uri or "", settings))


def _below(bucket: str, prefix: str) -> tuple[ListHead, list[ListedFile]]:
    """The files below a prefix, in the order of their keys, which is that of S3."""
    uri = f"s3://{bucket}/{prefix}"
    files: list[ListedFile] = []
    n_bytes = 0
    for key, size in _objects(bucket, prefix, uri):
        name = key.removeprefix(prefix)
        if size and is_list_name(name):
            files.append(ListedFile(key, name, bucket=bucket))
            n_bytes += size
        if len(files) > MAX_LISTED_FILES:
            raise UnknownListsError(f"There are more than {MAX_LISTED_FILES:,} lists below {uri}.")
    if not files:
        raise UnknownListsError(f"There is no list below {uri}.")
    return ListHead(len(files), n_bytes), files


def _objects(bucket: str, prefix: str, uri: str) -> Iterator[tuple[str, int]]:
    try:
        for n_seen, found in enumerate(objects.list_sizes(prefix, bucket), 1):
            if n_seen > MAX_OBJECTS:
                raise UnknownListsError(f"There are more than {MAX_OBJECTS:,} objects below {uri}.")
            yield found
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _REFUSED:
            raise UnknownListsError(f"{uri} is not there, or may not be read.") from error
        raise

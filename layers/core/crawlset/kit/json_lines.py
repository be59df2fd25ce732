"""JSON lines, gzipped: what most objects of the bucket hold."""

import gzip
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

GZIP_LEVEL = 3


def pack_lines(lines: Iterable[Any]) -> bytes:
    """The same lines give the same bytes."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=GZIP_LEVEL, mtime=0) as stream:
        for line in lines:
            stream.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    return out.getvalue()


def unpack_lines(body: bytes) -> Iterator[Any]:
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
        for line in stream:
            yield json.loads(line)

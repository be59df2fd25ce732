"""Reads bombs as `discover` and the API do, and says what that took: `python -m … FOLDER KIND`."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import tests.conftest  # noqa: F401 - the environment of a test
from crawlset.errors import AppError
from crawlset.kit import aws, objects
from crawlset.sources import manifests, worker
from crawlset.sources.discover import discover
from crawlset.wire.searches import DiscoverMessage, IntendedUse, ManifestFormat, SearchRequest


class FolderS3:
    """Files of a folder as objects: what holds the bucket must not count as memory of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803
        return {"ContentLength": (self._folder / Key).stat().st_size, "ETag": '"1"'}

    def get_object(self, *, Key: str, Range: str, **_: str) -> dict[str, Any]:  # noqa: N803
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        body = (self._folder / Key).open("rb")
        body.seek(first)
        return {"Body": Piece(body.read(last - first + 1))}


class Piece:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data


def by_api(key: str, format_: ManifestFormat) -> str | None:
    try:
        manifests.inspect(key, format_)
    except AppError as error:
        return str(error)
    return None


def by_discover(key: str, format_: ManifestFormat) -> str | None:
    request = SearchRequest(
        source="urls",
        keyword=None,
        limit=1_000_000,
        intended_use=IntendedUse.research,
        manifest_key=key,
        manifest_format=format_,
    )
    message = DiscoverMessage(UUID(int=1), UUID(int=2), attempt=1, request=request)
    heads: list[bytes] = []
    found = discover(
        message,
        ask=worker._ask,
        write=lambda _, body: heads.append(body[:2_000]),
        is_cancelled=lambda: False,
    )
    if found.error is None:
        return None
    import gzip
    import zlib

    line = zlib.decompressobj(31).decompress(heads[-1])
    return json.loads(line.split(b"\n")[0])["error"]["message"]


def main() -> None:
    folder, who, *only = sys.argv[1:]
    aws.s3 = objects.s3 = lambda: FolderS3(Path(folder))  # type: ignore
    if who == "api":
        import functions.api.app  # noqa: F401
    results = {}
    for path in sorted(Path(folder).iterdir()):
        if only and path.name not in only:
            continue
        Path("/proc/self/clear_refs").write_text("5")
        began, used = time.monotonic(), cpu()
        read = by_api if who == "api" else by_discover
        error = read(path.name, ManifestFormat(path.name.rpartition(".")[2]))
        results[path.name] = {
            "error": error,
            "cpu": round(cpu() - used, 2),
            "seconds": round(time.monotonic() - began, 2),
            "own": peak(),
            "child": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
        }
        print(path.name, results[path.name], file=sys.stderr, flush=True)
    json.dump(results, sys.stdout)


def cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def peak() -> int:
    """MiB that this process had in memory at most, since it was last asked to forget."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10


if __name__ == "__main__":
    main()

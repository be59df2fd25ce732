"""Reads bombs as `discover` or the API does and says what that took: `FOLDER api|discover`."""

import json
import resource
import sys
import time
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

from crawlset.errors import AppError
from crawlset.kit import aws, objects
from crawlset.settings import MAX_CANDIDATES, source_settings
from crawlset.sources import manifests, registry, worker
from crawlset.sources.discover import discover
from crawlset.wire.searches import DiscoverMessage, IntendedUse, ManifestFormat, SearchRequest

Read = Callable[[str, ManifestFormat], str | None]
"""Gives the error that the user is told."""


class FolderS3:
    """Files of a folder as objects: the memory of an emulator must not count as ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def head_object(self, *, Key: str, **_: str) -> dict[str, Any]:  # noqa: N803 - S3's names
        return {"ContentLength": (self._folder / Key).stat().st_size, "ETag": '"1"'}

    def get_object(self, *, Key: str, Range: str, **_: str) -> dict[str, Any]:  # noqa: N803
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        body = (self._folder / Key).open("rb")
        body.seek(first)
        return {"Body": Piece(partial(body.read, last - first + 1))}


class Piece:
    """The body of an answer."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self.read = read


def by_api(key: str, format_: ManifestFormat) -> str | None:
    try:
        manifests.inspect(key, format_)
    except AppError as error:
        return str(error)
    return None


def by_discover(key: str, format_: ManifestFormat) -> str | None:
    request = SearchRequest(
        source="urls",
        limit=MAX_CANDIDATES,
        intended_use=IntendedUse.research,
        manifest_key=key,
        manifest_format=format_,
    )
    parts: list[bytes] = []
    discover(
        DiscoverMessage(UUID(int=1), UUID(int=2), attempt=1, request=request),
        ask=lambda request, cursor: registry.search(
            request, client=worker.source_client(), settings=source_settings(), cursor=cursor
        ),
        write=lambda _, part: parts.append(part[:2_000]),
        is_cancelled=lambda: False,
    )
    head = json.loads(zlib.decompressobj(31).decompress(parts[-1]).split(b"\n")[0])
    return head["error"] and str(head["error"]["message"])


READERS: dict[str, tuple[Read, str]] = {
    "api": (by_api, "functions.api.app"),
    "discover": (by_discover, "functions.discover.app"),
}
"""What reads a list in a function, and what that function imports."""


def main() -> None:
    folder, function = Path(sys.argv[1]), sys.argv[2]
    read, entry_point = READERS[function]
    import_module(entry_point)
    for module in (aws, objects):
        vars(module)["s3"] = partial(FolderS3, folder)
    for path in sorted(folder.iterdir()):
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak: proc(5)
        used = _cpu_seconds()
        began = time.monotonic()
        error = read(path.name, ManifestFormat(path.suffix[1:]))
        took = {
            "name": path.stem,
            "error": error,
            "cpu_seconds": round(_cpu_seconds() - used, 2),
            "seconds": round(time.monotonic() - began, 2),
            "mib": _peak_mib(),
            "mib_of_children": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
        }
        print(json.dumps(took), flush=True)


def _cpu_seconds() -> float:
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def _peak_mib() -> int:
    """What this process had in memory at most, since it was last asked to forget."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10


if __name__ == "__main__":
    main()

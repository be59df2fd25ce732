"""
What writes the files of data, on one core, in a process of its own: prints its JSON.

`contender FORMAT SCRATCH N` writes the first N images as we do, from packs that lie in files.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from crawlset.exports import formats, writing
from crawlset.exports.files import WrittenFile
from crawlset.exports.formats.base import ExportFormat
from crawlset.exports.options import ExportOptions
from crawlset.wire.exports import ExportPlan, Member, Shard
from tests.bench.processes import peak_mb

SHARD_IMAGES = 4_000
"""Of the usual 500 MB a shard."""


def main() -> None:
    name, scratch, n_images = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    members = members_in(scratch, n_images)
    kind, _, how = name.partition("+")
    export_format = format_of(kind, how, n_images)
    out = scratch / "out"
    out.mkdir()
    n_bytes = 0
    began, used = time.perf_counter(), time.process_time()
    for shard in export_format.plan.shards:
        first = shard.index * SHARD_IMAGES
        path = out / f"{shard.index}"
        part = members[first : first + SHARD_IMAGES]
        writing.write(export_format, shard, part, Packs(scratch).get_range, path)
        n_bytes += WrittenFile.at(path, path.name).file_size
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - began,
                "cpu": time.process_time() - used + children_seconds(),
                "bytes": n_bytes,
                "peak_mb": peak_mb(os.getpid()),
            }
        )
    )


class Packs:
    """Packs as files: what the bucket would answer, at the price of a read."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._open: dict[str, int] = {}

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        if key not in self._open:
            self._open[key] = os.open(self._scratch / "packs" / key, os.O_RDONLY)
        return os.pread(self._open[key], length, offset)


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def format_of(name: str, how: str, n_images: int) -> ExportFormat:
    asked: dict[str, dict[str, Any]] = {
        "": {},
        "resize": {"resize": {"mode": "keep_ratio", "size": 256}},
        "strip": {"metadata": "strip"},
    }
    counts = [min(SHARD_IMAGES, n_images - first) for first in range(0, n_images, SHARD_IMAGES)]
    shards = [Shard(at, "train", at, n, 0) for at, n in enumerate(counts)]
    plan = ExportPlan("bench", ["cat", "dog"], ["jpeg"], shards, 0)
    return formats.load(name)(ExportOptions.model_validate(asked[how]), plan)


def members_in(scratch: Path, n_images: int) -> list[Member]:
    members = []
    with (scratch / "members.jsonl").open() as lines:
        for _, line in zip(range(n_images), lines, strict=False):
            pack, offset, length, sha256, entry = json.loads(line)
            entry["sha256"] = sha256
            members.append(Member(pack, offset, length, entry["rank"] % 2, entry))
    return members


if __name__ == "__main__":
    main()

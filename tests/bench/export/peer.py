"""img2dataset's own writer over image files; run by the Python of its environment."""

import json
import os
import sys
import time
from pathlib import Path

import pyarrow as pa
from img2dataset.writer import WebDatasetSampleWriter

COLUMNS = ("url", "caption", "key", "status", "sha256", "width", "height")


def main() -> None:
    scratch, n_images, shard_images = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    out = scratch / "out"
    out.mkdir()
    paths = (scratch / "files.txt").read_text().splitlines()[:n_images]
    began, used = time.perf_counter(), time.process_time()
    for shard, first in enumerate(range(0, n_images, shard_images)):
        writer = WebDatasetSampleWriter(shard, str(out), True, 5, schema, "jpg")
        for at, path in enumerate(paths[first : first + shard_images], first):
            body = Path(path).read_bytes()
            meta = dict.fromkeys(COLUMNS, "0" * 32) | {"key": f"{at:09d}"}
            writer.write(body, meta["key"], "a cat", meta)
        writer.close()
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - began,
                "cpu": time.process_time() - used,
                "bytes": sum(path.stat().st_size for path in out.glob("*.tar")),
                "peak_mb": peak_mb(),
            }
        )
    )


def peak_mb() -> float:
    """Megabytes that were resident at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()

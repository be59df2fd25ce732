"""
How fast the files of an export are written, against `tar` and img2dataset's writer.

`python -m tests.bench.export [IMAGES] [--write]` (50,000 unless said). Each contender runs on one
core, in a process of its own, three times in turn; the files it reads are in the page cache.
"""

import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import track

from tests.bench.document import machine, put_section
from tests.bench.export.contender import SHARD_IMAGES
from tests.bench.fetch import img2dataset
from tests.bench.fetch.pictures import distinct, pictures
from tests.bench.fetch.runner import HOME, ROOT

N_IMAGES = 50_000
ROUNDS = 3
PACK_IMAGES = 500
TAR, PEER = "tar", "img2dataset"
WEBDATASET = "webdataset"
WHOLE = (WEBDATASET, "imagefolder", "parquet", "tfrecord")
"""Bytes as they are stored."""
FEW = ("webdataset+strip", "webdataset+resize")
N_FEW = 5_000
PAX_BYTES = 512
HEAD = """## Exports

`tests/bench/export`: {n:,} pictures of {mb:,.0f} MB from packs into files of data of {shard:,}
images, on one core: ranged reads from packs that are files here, every picture's SHA-256 checked,
written, the file hashed; what the bucket costs is not in it. `tar` packs the same pictures from as
many files, img2dataset's own writer too, without checking any. The median of {rounds} rounds;
{machine}."""


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    n_images = int(arguments[0]) if arguments else N_IMAGES
    console = Console()
    HOME.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=HOME) as directory:
        scratch = Path(directory)
        furnish(scratch, n_images)
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in track(range(ROUNDS), "Writing", console=console):
            for name in (TAR, PEER, *WHOLE, *FEW):
                n = min(n_images, N_FEW) if name in FEW else n_images
                runs.setdefault(name, []).append(run(name, scratch, n) | {"n": n})
    text = report(runs, n_images)
    console.print(text, markup=False)
    if "--write" in sys.argv:
        put_section("export", text)


def furnish(scratch: Path, n_images: int) -> None:
    """The same pictures as files and in packs."""
    sources = [path.read_bytes() for path in pictures(HOME / "pictures", lambda: None)]
    (scratch / "packs").mkdir()
    with (
        (scratch / "files.txt").open("w") as names,
        (scratch / "members.jsonl").open("w") as members,
    ):
        for first in range(0, n_images, PACK_IMAGES):
            name = f"{first:06d}.tar"
            folder = scratch / "files" / str(first)
            folder.mkdir(parents=True)
            with (scratch / "packs" / name).open("wb") as pack:
                for at in range(first, min(first + PACK_IMAGES, n_images)):
                    body = b"".join(distinct(sources[at % len(sources)], at))
                    path = folder / f"{at:06d}.jpg"
                    path.write_bytes(body)
                    names.write(f"{path}\n")
                    pack.write(bytes(PAX_BYTES))
                    digest = hashlib.sha256(body).hexdigest()
                    line = [name, pack.tell(), len(body), digest, entry(at, digest)]
                    members.write(json.dumps(line) + "\n")
                    pack.write(body)


def entry(at: int, sha256: str) -> dict[str, Any]:
    """A line of the manifest."""
    return {
        "image_id": at,
        "url": f"https://images.example.org/{at}.jpg",
        "landing_url": f"https://example.org/{at}",
        "source": "sample",
        "query": "cat",
        "keyword": "cat",
        "rank": at,
        "licence": "cc-by-4.0",
        "creator": f"Creator {at % 100}",
        "title": f"Picture {at}",
        "attribution": f"Picture {at} by Creator {at % 100} is licensed under CC BY 4.0.",
        "sha256": sha256,
        "format": "jpeg",
        "width": 500,
        "height": 375,
    }


def run(name: str, scratch: Path, n_images: int) -> dict[str, Any]:
    with emptied(scratch / "out"):
        if name == TAR:
            return run_tar(scratch)
        if name == PEER:
            uv = Path(os.environ.get("UV", ROOT / ".uv/bin/uv"))
            python = img2dataset.environment(HOME / "img2dataset", uv).with_name("python")
            script = Path(__file__).with_name("peer.py")
            command = [str(python), str(script), str(scratch), str(n_images), str(SHARD_IMAGES)]
        else:
            module = [sys.executable, "-m", "tests.bench.export.contender"]
            command = [*module, name, str(scratch), str(n_images)]
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
        return measured


def run_tar(scratch: Path) -> dict[str, Any]:
    out = scratch / "out"
    out.mkdir()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        ["taskset", "-c", "0", "tar", "-cf", out / "all.tar", "-C", scratch, "files"], check=True
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "bytes": (out / "all.tar").stat().st_size, "peak_mb": 0.0}


@contextmanager
def emptied(directory: Path) -> Iterator[None]:
    shutil.rmtree(directory, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def report(runs: dict[str, list[dict[str, Any]]], n_images: int) -> str:
    def median(name: str, of: str) -> float:
        return statistics.median(one[of] for one in runs[name])

    def rate(name: str, of: str = "wall") -> float:
        return median(name, "bytes") / median(name, of) / 1e6

    lines = [
        HEAD.format(
            n=n_images,
            mb=median(TAR, "bytes") / 1e6,
            shard=SHARD_IMAGES,
            rounds=ROUNDS,
            machine=machine(),
        ),
        "",
        "| writer | images | MB/s | MB/s of CPU | of `tar` | CPU ms an image | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in runs:
        n = runs[name][0]["n"]
        peak = f"{median(name, 'peak_mb'):,.0f}" if median(name, "peak_mb") else ""
        lines.append(
            f"| {name.replace('+', ', ')} | {n:,} | {rate(name):,.0f} | {rate(name, 'cpu'):,.0f} |"
            f" {rate(name, 'cpu') / rate(TAR, 'cpu'):.2f} |"
            f" {1000 * median(name, 'cpu') / n:.2f} | {peak} |"
        )
    of_tar = rate(WEBDATASET, "cpu") / rate(TAR, "cpu")
    of_peer = rate(WEBDATASET, "cpu") / rate(PEER, "cpu")
    lines.append("")
    lines.append(
        f"Wanted of webdataset: 200 MB/s of a core, or 0.60 of `tar`, below 512 MB of memory. Seen:"
        f" {rate(WEBDATASET, 'cpu'):,.0f} MB/s, {of_tar:.2f} of `tar`, {of_peer:.2f} times"
        f" img2dataset's writer, {median(WEBDATASET, 'peak_mb'):,.0f} MB."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

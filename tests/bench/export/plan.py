"""
How long an export of many images takes to be planned, and the files beside its data to be written.

`python -m tests.bench.export.plan [IMAGES] [--write]` (1,000,000 unless said), as a list of images,
which has no files of data. Rows of a real PostgreSQL; objects are files, so that no memory but
that of the steps is counted.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from unittest import mock
from uuid import UUID

from rich.console import Console

from tests.bench.validate import stored  # isort: skip, it says which AWS there is

from crawlset.exports import steps
from crawlset.kit import db, objects
from crawlset.models import CrawlJob
from crawlset.wire.pipeline import ExportStep
from tests import factories
from tests.bench.document import put_section
from tests.bench.fetch.runner import HOME
from tests.bench.processes import peak_mb

HEAD = """### Planned

`tests/bench/export/plan.py`: everything that an export says is read and frozen, then written as
manifest, attributions, Croissant and a list of images; then read back."""
STEPS: tuple[Literal["plan", "finish", "verify"], ...] = ("plan", "finish", "verify")


def main(arguments: list[str]) -> None:
    console = Console()
    counts = [int(argument) for argument in arguments if not argument.startswith("-")]
    n_images = counts[0] if counts else 1_000_000
    rows = ["| images | step | seconds | peak MB |"]
    rows.append("| ---: | --- | ---: | ---: |")
    with stored(n_images, console) as job, files_as_objects():
        message = begin(job)
        for name in STEPS:
            Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
            start = time.monotonic()
            steps.run(replace(message, step=name))
            seconds = time.monotonic() - start
            rows.append(f"| {n_images:,} | {name} | {seconds:.0f} | {peak_mb(os.getpid()):,.0f} |")
            console.print(rows[-1], markup=False)
    if "--write" in arguments:
        put_section("export-plan", "\n".join([HEAD, "", *rows]))


@contextmanager
def files_as_objects() -> Iterator[None]:
    """What the steps ask of the bucket, from a directory."""
    HOME.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=HOME) as directory, ExitStack() as patched:

        def at(key: str) -> Path:
            path = Path(directory, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            return path

        def put(key: str, body: bytes) -> bool:
            at(key).write_bytes(body)
            return True

        def get(key: str) -> bytes:
            if not at(key).exists():
                raise objects.ObjectAbsentError(key)
            return at(key).read_bytes()

        def stream(key: str, piece_bytes: int) -> Iterator[bytes]:
            with at(key).open("rb") as file:
                while piece := file.read(piece_bytes):
                    yield piece

        def put_file(key: str, path: Path) -> None:
            shutil.copyfile(path, at(key))

        asked = {"put": put, "put_once": put, "put_file": put_file, "get": get, "stream": stream}
        for name, answer in asked.items():
            patched.enter_context(mock.patch.object(objects, name, answer))
        yield


def begin(job: CrawlJob) -> ExportStep:
    with db.transaction(job.user_id) as session:
        export_job = factories.create_export_job(session, job, format="jsonl")
        id_: UUID = export_job.id
    return ExportStep(step="plan", user_id=job.user_id, job_id=job.id, export_job_id=id_)


if __name__ == "__main__":
    main(sys.argv[1:])

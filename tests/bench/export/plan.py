"""
How long an export of many images takes to be planned, and the files beside its data to be written.

`python -m tests.bench.export.plan [IMAGES] [--write]` (1,000,000 unless said), as a list of images,
which has no files of data. Rows of a real PostgreSQL, objects of an S3 in this process.
"""

import os
import sys
import time
from pathlib import Path
from uuid import UUID

from rich.console import Console

from tests.bench.validate import stored  # isort: skip, it says which AWS there is

from crawlset.exports import steps
from crawlset.exports.steps import ExportStep
from crawlset.kit import db
from crawlset.models import CrawlJob
from tests import factories
from tests.bench.document import put_section
from tests.bench.processes import peak_mb

HEAD = """### Planned

`tests/bench/export/plan.py`: everything that an export says is read and frozen, then written as
manifest, attributions, Croissant and a list of images; then read back."""
STEPS = ("plan", "finish", "verify")


def main(arguments: list[str]) -> None:
    console = Console()
    counts = [int(argument) for argument in arguments if not argument.startswith("-")]
    n_images = counts[0] if counts else 1_000_000
    rows = ["| images | step | seconds | peak MB, with the S3 of the bench |"]
    rows.append("| ---: | --- | ---: | ---: |")
    with stored(n_images, console) as job:
        message = begin(job)
        for name in STEPS:
            Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
            start = time.monotonic()
            steps.run(message.model_copy(update={"step": name}))
            seconds = time.monotonic() - start
            rows.append(f"| {n_images:,} | {name} | {seconds:.0f} | {peak_mb(os.getpid()):,.0f} |")
            console.print(rows[-1], markup=False)
    if "--write" in arguments:
        put_section("export-plan", "\n".join([HEAD, "", *rows]))


def begin(job: CrawlJob) -> ExportStep:
    with db.transaction(job.user_id) as session:
        export_job = factories.create_export_job(session, job, format="jsonl")
        id_: UUID = export_job.id
    return ExportStep(step="plan", user_id=job.user_id, job_id=job.id, export_job_id=id_)


if __name__ == "__main__":
    main(sys.argv[1:])

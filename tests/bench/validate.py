"""
How long stored images take to be judged again, and to be held against each other.

`python -m tests.bench.validate [IMAGES] [--write]` (1,000,000 unless said). Rows of a real
PostgreSQL, the steps of the state machine one after the other in this process, their login's time
limit of a statement included. Of the shares of comparing a million images' hashes, which a Map runs
side by side, the first are measured and the whole computed.
"""

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import alembic.command
import boto3
from moto import mock_aws
from rich.console import Console
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

os.environ |= {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "BUCKET_NAME": "bench",
    "POWERTOOLS_LOG_LEVEL": "ERROR",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
    "POWERTOOLS_SERVICE_NAME": "bench",
}

from crawlset.kit import db
from crawlset.kit.logins import SETTINGS
from crawlset.models import CrawlJob, JobStatus, ValidationJob
from crawlset.validation import steps
from crawlset.validation.rules.presets import PRESETS, Preset
from crawlset.wire.pipeline import ValidationStep
from crawlset_local import postgres
from tests import factories
from tests.bench.document import put_section
from tests.integration.migrations import alembic_config
from tests.ports import free_ports

HEAD = """## Validation

`tests/bench/validate.py`: rules over stored images, with PostgreSQL on this machine, from the first
step to the report; and all hashes, six an image, against all at a radius of 10 bits, with a second
look at what is near."""
NEAR = "near_duplicates"
ROWS_AT_ONCE = 50_000
AT_ONCE = 8
"""Shares that the state machine's Map runs at once."""
ENOUGH = 100
"""Seconds of CPU after which no further share is measured."""
IMAGES = """
INSERT INTO images (user_id, crawl_job_id, chunk_id, ordinal, url, url_hash, host, source, keyword,
    rank, licence, status, outcome, file_size, sha256, width, height, format, mode, n_frames,
    phash, phashes, pixel_hash, signature, scores, pack_key, pack_offset, pack_length)
SELECT :user_id, :job_id, :chunk_id, n, 'https://host' || n % 5000 || '.example.org/' || n,
    decode(md5(n::text), 'hex'), 'host' || n % 5000 || '.example.org', 'sample',
    'class ' || n % 100, n, CASE n % 3 WHEN 0 THEN 'cc0-1.0' ELSE 'cc-by-4.0' END,
    'stored', 'stored', 20000 + n % 100000, sha256(n::text::bytea), 300 + n % 1700, 200 + n % 1300,
    'jpeg', 'RGB', 1, hashes[1], hashes, hashes[1],
    decode('80' || repeat(md5((n - CASE n % 10 WHEN 0 THEN 1 ELSE 0 END)::text), 72), 'hex'),
    jsonb_build_object(
        'brightness_p5', (n % 97) / 98.0, 'brightness_p50', (n % 89) / 90.0,
        'brightness_p99', 0.3 + (n % 70) / 100.0, 'entropy', 1.1 + (n % 60) / 11.0,
        'uniformity', (n % 101) / 103.0, 'blur', 0.25 + (n % 99) / 132.0,
        'colour', (n % 50) / 100.0, 'border', (n % 40) / 100.0, 'channels', 3.0),
    'jobs/x/chunks/y/1-t.tar', 512, 1000
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n,
    LATERAL (SELECT array_agg(CASE WHEN view = 2 AND n % 10 = 0 THEN near ELSE own END) AS hashes
        FROM (SELECT view,
            ('x' || substr(md5(n || '.' || view), 1, 16))::bit(64)::bigint AS own,
            ('x' || substr(md5(n - 1 || '.1'), 1, 16))::bit(64)::bigint
                # (7::bigint << (n % 50)::int) AS near
        FROM generate_series(1, 4) view) views) hashed
"""
"""
One in five breaks a rule; every tenth is a copy of the one before it: it has a view three bits from
one of that, and its signature. Of other pairs almost none have near hashes.
"""


def main(arguments: list[str]) -> None:
    console = Console()
    counts = [int(argument) for argument in arguments if not argument.startswith("-")]
    sizes = counts or [100_000, 1_000_000]
    rows = ["| images | judged again | compared, CPU of one core | duplicates noted |"]
    rows.append("| ---: | ---: | ---: | ---: |")
    notes: list[str] = []
    for n_images in sizes:
        with stored(n_images, console) as job:
            rules = [r for r in PRESETS[Preset.standard] if r.check != NEAR]
            times = judge(job, [rule.model_dump(mode="json") for rule in rules])
            seconds = sum(times.values())
            console.print(f"{n_images:,} images judged again in {seconds:.1f} s: {shown(times)}")
            compared, noted, note = near_duplicates(job, console)
            notes.append(f"{n_images:,} images: {note}")
        rows.append(f"| {n_images:,} | {seconds:.1f} s | {compared:.0f} s | {noted} |")
    if "--write" in arguments:
        put_section("validate", "\n".join([HEAD, "", *rows, "", *notes]))


@contextmanager
def stored(n_images: int, console: Console) -> Iterator[CrawlJob]:
    """A completed job with so many stored images, on a server of its own."""
    with postgres.throwaway(free_ports().postgres) as dsn, mock_aws():
        boto3.client("s3").create_bucket(Bucket="bench")
        url = make_url(dsn).set(drivername="postgresql+psycopg")
        alembic.command.upgrade(alembic_config(url), "head")
        owner = create_engine(url)
        with Session(owner, expire_on_commit=False) as session:
            job = fill(session, n_images, console)
        limits = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        worker = create_engine(url, connect_args={"options": f"-c role=crawlset_worker {limits}"})
        db.engine.cache_clear()
        usual, db.engine = db.engine, lambda: worker  # type: ignore[assignment]
        try:
            yield job
        finally:
            db.engine = usual
            worker.dispose()
            owner.dispose()


def fill(session: Session, n_images: int, console: Console) -> CrawlJob:
    project = factories.create_project(session, factories.create_profile(session))
    job = factories.create_crawl_job(session, project, status=JobStatus.completed)
    chunk = factories.create_chunk(session, job)
    begin = time.monotonic()
    ids = {"user_id": job.user_id, "job_id": job.id, "chunk_id": chunk.id}
    for first in range(1, n_images + 1, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE - 1, n_images)
        session.execute(text(IMAGES), ids | {"first": first, "last": last})
        session.commit()
    session.execute(text("ANALYZE images"))
    session.commit()
    console.print(f"{n_images:,} rows written in {time.monotonic() - begin:.0f} s")
    return job


def judge(job: CrawlJob, rules: list[Any]) -> dict[str, float]:
    """Seconds of each step, one validation from its beginning to its report."""
    message = begin(job, rules)
    times = {}
    for name in ("evaluate", "deduplicate", "put_out_copies", "finish"):
        start = time.monotonic()
        steps.run(replace(message, step=name))
        times[name] = time.monotonic() - start
    return times


def near_duplicates(job: CrawlJob, console: Console) -> tuple[float, str, str]:
    """CPU seconds of all comparisons, what noting them took, and how the work was shared."""
    message = begin(job, [{"check": NEAR}])
    steps.run(message)
    start = time.monotonic()
    shares = steps.run(replace(message, step="deduplicate"))["shares"]
    shared = time.monotonic() - start
    compared, n_compared = 0.0, 0
    while n_compared < len(shares) and compared < ENOUGH:
        cpu = time.process_time()
        steps.run(replace(message, step="compare", **shares[n_compared]))
        compared += time.process_time() - cpu
        n_compared += 1
    one = compared / n_compared
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note = f"{len(shares)} shares of {one:.0f} s of CPU, and {memory:,.0f} MB at most"
    if n_compared < len(shares):
        rounds = -(-len(shares) // AT_ONCE)
        note += (
            f", of which {n_compared} were measured; a Map of {AT_ONCE} at once takes about"
            f" {rounds * one:.0f} s; sharing them took {shared:.0f} s"
        )
        console.print(note)
        return one * len(shares), "not run", note
    start = time.monotonic()
    steps.run(replace(message, step="put_out_copies"))
    clustered = time.monotonic() - start
    steps.run(replace(message, step="finish"))
    with db.transaction(job.user_id) as session:
        found = session.get_one(ValidationJob, message.validation_job_id).by_rule[NEAR]
    note += f"; {found:,} duplicates put in clusters in {clustered:.1f} s"
    console.print(note)
    return compared, f"{shared + clustered:.1f} s", note


def begin(job: CrawlJob, rules: list[Any]) -> ValidationStep:
    with db.transaction(job.user_id) as session:
        validation_job = factories.create_validation_job(
            session, job, validation_rules={"rules": rules}
        )
        id_: UUID = validation_job.id
    return ValidationStep(
        step="evaluate", user_id=job.user_id, job_id=job.id, validation_job_id=id_
    )


def shown(times: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in times.items())


if __name__ == "__main__":
    main(sys.argv[1:])

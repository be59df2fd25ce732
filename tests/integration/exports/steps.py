"""Exports made by calling the function's steps, in the order of the state machine."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from crawlset.kit import objects
from crawlset.models import CrawlJob, ExportJob, Image
from crawlset.wire import keys
from crawlset.wire.pipeline import Execution
from functions.export import app
from tests import factories
from tests.invocations import CONTEXT

Store = Callable[..., list[Image]]
TRAIN = {"splits": {"train": 1}}


def storing(session: Session, job: CrawlJob) -> Store:
    """Stores images in a pack of their own: `store(2, keyword="cat")`, or bodies."""

    def store(images: int | list[bytes], **overrides: Any) -> list[Image]:
        chunk = factories.create_chunk(session, job)
        bodies = [uuid4().bytes * 200 for _ in range(images)] if isinstance(images, int) else images
        pack = io.BytesIO()
        rows = []
        for body in bodies:
            pack.write(bytes(512))
            place = {
                "sha256": hashlib.sha256(body).digest(),
                "file_size": len(body),
                "pack_offset": pack.tell(),
                "pack_length": len(body),
            }
            rows.append(factories.create_image(session, chunk, **place | overrides))
            pack.write(body)
        objects.put(keys.pack(job.id, chunk.id, 1, "t"), pack.getvalue())
        return rows

    return store


def event(export_job: ExportJob, name: str, **more: Any) -> dict[str, Any]:
    execution = Execution(export_job.user_id, export_job.crawl_job_id, None, export_job.id)
    return execution.to_json() | {"step": name} | more


def step(export_job: ExportJob, name: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = app.handler(event(export_job, name, **more), CONTEXT)
    return answer


def write(export_job: ExportJob) -> list[dict[str, int]]:
    groups = step(export_job, "plan", in_groups=True)["groups"]
    shards = [{"index": index} for group in groups for index in group["indices"]]
    for shard in shards:
        step(export_job, "write_shard", **shard)
    step(export_job, "finish")
    return shards


def verify(export_job: ExportJob, shards: list[dict[str, int]]) -> None:
    for shard in shards:
        step(export_job, "verify_shard", **shard)
    step(export_job, "verify")


def export(export_job: ExportJob) -> None:
    verify(export_job, write(export_job))


def file_of(export_job: ExportJob, name: str) -> bytes:
    return objects.get(keys.export_file(export_job.id, name))


def archive_of(export_job: ExportJob, name: str = "data/train-00000.zip") -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file_of(export_job, name))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest_of(export_job: ExportJob) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file_of(export_job, "manifest.jsonl").splitlines()]


def expire(session: Session, export_job: ExportJob) -> None:
    session.execute(
        text("UPDATE export_jobs SET expires_at = now() WHERE id = :id"), {"id": export_job.id}
    )
    session.commit()


def error_of(raised: pytest.ExceptionInfo[BaseException]) -> str:
    return type(raised.value).__name__

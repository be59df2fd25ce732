"""
The steps of an export, run by the pipeline's state machine.

Each may run again, after it failed or though it did not: the plan is frozen once, and the same
plan gives the same bytes under the same keys. A step of a completed job does nothing; of a
cancelled one it raises `JobCancelledError`. Nothing is in memory whole.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Row, func

from crawlset import keys, pipeline_jobs
from crawlset.errors import ConflictError
from crawlset.exports import documents, files, imagefolder, manifest, packs
from crawlset.exports import plan as plans
from crawlset.exports.documents import ATTRIBUTION, README
from crawlset.exports.files import ExportDamagedError, WrittenFile
from crawlset.exports.manifest import MANIFEST
from crawlset.exports.packs import Member
from crawlset.exports.plan import Plan
from crawlset.exports.repository import ExportRepository, FileRepository, SnapshotRepository
from crawlset.exports.schemas import ExportOptions
from crawlset.exports.split import split_of
from crawlset.kit import db, objects
from crawlset.models import CrawlJob, ExportJob, JobStatus
from crawlset.observability import logger, metrics
from crawlset.pipeline_jobs import StepError

LIFETIME = timedelta(days=30)
SIDE = "side"
SIDE_FILES = (MANIFEST, README, ATTRIBUTION)


class PackDamagedError(ConflictError):
    def __init__(self, member: Member) -> None:
        super().__init__(f"Image {member.image_id} in its pack is not what was fetched.")


class Note(BaseModel):
    """What one step tells the verifier, through the bucket."""

    files: list[WrittenFile]
    n_candidates: int = 0


class ExportStep(BaseModel):
    """The state machine's message."""

    v: Literal[1] = 1
    step: Literal["plan", "write_shard", "finish", "verify", "fail"]
    user_id: UUID
    job_id: UUID
    export_job_id: UUID
    index: int = Field(default=0, ge=0)
    error: StepError | None = None


def run(message: ExportStep) -> dict[str, Any]:
    """
    Gives what the state machine asks of the step: the shards of the plan.

    Raises:
        JobCancelledError, JobFailedError: the job ended by another hand.
        NotFoundError: it was deleted.
        ExportDamagedError: what was read back is not what was written.
    """
    if message.step == "fail":
        fail(message)
        return {}
    with db.transaction(message.user_id) as session:
        is_open = pipeline_jobs.enter(session, ExportJob, message.export_job_id)
    shards: list[dict[str, int]] = []
    if is_open and message.step == "plan":
        shards = [{"index": shard.index} for shard in plan(message).shards]
    elif is_open:
        STEPS[message.step](message)
    logger.info("export_step_done", step=message.step)
    return {"shards": shards}


def plan(
    message: ExportStep,
    *,
    shard_images: int = plans.SHARD_IMAGES,
    shard_bytes: int = plans.SHARD_BYTES,
) -> Plan:
    """Freeze what the export holds, unless that is done."""
    planned = plans.find(message.export_job_id)
    if planned is None:
        with db.transaction(message.user_id) as session:
            job = session.get_one(ExportJob, message.export_job_id)
            snapshot = SnapshotRepository(session)
            folders = imagefolder.class_folders(snapshot.keywords(job))
            planned = plans.write(
                job.id,
                _members(job, snapshot, folders),
                folders,
                shard_images=shard_images,
                shard_bytes=shard_bytes,
            )
    logger.info("export_planned", images=planned.n_images, shards=len(planned.shards))
    return planned


def write_shard(message: ExportStep) -> None:
    """Write one archive, straight from the packs."""
    planned = _plan_of(message)
    name = plans.archive_name(message.index)
    members = plans.members_of(message.export_job_id, planned, message.index)
    with TemporaryDirectory() as directory:
        path = Path(directory, name)
        archive = imagefolder.FolderArchive(path)
        for member, body in packs.read(members, objects.get_range):
            if hashlib.sha256(body).digest() != member.sha256:
                raise PackDamagedError(member)
            archive.append(member.name, body)
        archive.close()
        written = files.upload(message.export_job_id, path, name)
    _note(message.export_job_id, name, Note(files=[written]))
    metrics.add_metric(name="ExportBytes", unit="Bytes", value=written.file_size)
    logger.info(
        "export_shard_written",
        shard=message.index,
        images=planned.shards[message.index].n_images,
        bytes=written.file_size,
    )


def finish(message: ExportStep) -> None:
    """Write the files beside the archives."""
    planned = _plan_of(message)
    shards = plans.shards_by_image(message.export_job_id, planned)
    with TemporaryDirectory() as directory:
        paths = {name: Path(directory, name) for name in SIDE_FILES}
        with (
            paths[MANIFEST].open("w", encoding="ascii") as lines,
            paths[ATTRIBUTION].open("w", encoding="utf-8") as attribution,
            db.transaction(message.user_id) as session,
        ):
            export_job = session.get_one(ExportJob, message.export_job_id)
            job = session.get_one(CrawlJob, export_job.crawl_job_id)
            options = ExportOptions.model_validate(export_job.export_options)
            attribution.write(documents.ATTRIBUTION_HEAD)
            summary = manifest.write(
                lines,
                SnapshotRepository(session).stream_candidates(export_job),
                job.policy,
                shards,
                lambda row: _name(row, planned.folders, options),
                lambda entry: attribution.write(documents.attribution_line(entry)),
            )
        card = "\n".join(documents.card(job, export_job, summary))
        paths[README].write_text(card, encoding="utf-8")
        written = [files.upload(message.export_job_id, path, name) for name, path in paths.items()]
    _note(message.export_job_id, SIDE, Note(files=written, n_candidates=summary.n_candidates))
    logger.info("export_manifest_written", candidates=summary.n_lines, images=summary.n_exported)


def verify(message: ExportStep) -> None:
    """Read everything back; if it is as planned, complete the export and show its files."""
    planned = _plan_of(message)
    export_id = message.export_job_id
    written: list[WrittenFile] = []
    with TemporaryDirectory() as directory:
        path = Path(directory, "file")
        for shard in planned.shards:
            for file in _noted(export_id, plans.archive_name(shard.index)).files:
                files.download(export_id, file, path)
                names = [
                    member.name for member in plans.members_of(export_id, planned, shard.index)
                ]
                _require_sound(file, imagefolder.damage_of(path, names))
                written.append(file)
        side = _noted(export_id, SIDE)
        for file in side.files:
            files.download(export_id, file, path)
            if file.name == MANIFEST:
                expected = (side.n_candidates, planned.n_images)
                _require_sound(file, manifest.damage_of(path, *expected))
            written.append(file)
    _complete(message, planned.n_images, written)


def fail(message: ExportStep) -> None:
    """Write down what went wrong, unless the job has ended, and delete what was written."""
    reason = message.error.explain() if message.error else "A step failed."
    with db.transaction(message.user_id) as session:
        job = session.get(ExportJob, message.export_job_id)
        if job is None:
            return
        awaited = ExportRepository(session).validation_status(job)
        is_cancelled = awaited is JobStatus.cancelled
        status = pipeline_jobs.end(
            session,
            ExportJob,
            job.id,
            JobStatus.cancelled if is_cancelled else JobStatus.failed,
            None if is_cancelled else reason,
        )
    if status is not JobStatus.completed:
        files.delete_all(message.export_job_id)
    logger.warning("export_job_stopped", status=status, reason=reason)


STEPS = {"write_shard": write_shard, "finish": finish, "verify": verify}


def _members(
    job: ExportJob, snapshot: SnapshotRepository, folders: dict[str | None, str]
) -> Iterator[Member]:
    options = ExportOptions.model_validate(job.export_options)
    for row in snapshot.stream_chosen(job):
        if row.keyword in folders:
            yield Member(
                image_id=row.id,
                pack_key=row.pack_key,
                offset=row.pack_offset,
                length=row.pack_length,
                sha256=row.sha256,
                name=_name(row, folders, options),
            )


def _name(
    row: Row[*tuple[Any, ...]], folders: dict[str | None, str], options: ExportOptions
) -> str:
    split = split_of(row.sha256, options.seed, options.splits)
    return f"{split}/{folders[row.keyword]}/{imagefolder.image_name(row.sha256, row.format)}"


def _plan_of(message: ExportStep) -> Plan:
    planned = plans.find(message.export_job_id)
    if planned is None:
        raise ExportDamagedError("plan", "it is gone")
    return planned


def _complete(message: ExportStep, n_images: int, written: list[WrittenFile]) -> None:
    size = sum(file.file_size for file in written)
    with db.transaction(message.user_id) as session:
        is_first = pipeline_jobs.complete(
            session,
            ExportJob,
            message.export_job_id,
            n_images=n_images,
            file_size=size,
            expires_at=func.now() + LIFETIME,
        )
        if is_first:
            FileRepository(session).add(
                message.user_id,
                message.export_job_id,
                [(file.name, file.file_size, bytes.fromhex(file.sha256)) for file in written],
            )
    if is_first:
        logger.info("export_job_completed", images=n_images, files=len(written), bytes=size)


def _require_sound(file: WrittenFile, damage: str | None) -> None:
    if damage is not None:
        raise ExportDamagedError(file.name, damage)


def _note(export_id: UUID, name: str, note: Note) -> None:
    objects.put(_note_key(export_id, name), note.model_dump_json().encode())


def _noted(export_id: UUID, name: str) -> Note:
    try:
        body = objects.get(_note_key(export_id, name))
    except objects.s3().exceptions.NoSuchKey as error:
        raise ExportDamagedError(name, "it was never written") from error
    return Note.model_validate_json(body)


def _note_key(export_id: UUID, name: str) -> str:
    return keys.export_file(export_id, f"plan/{name}.json")

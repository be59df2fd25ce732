"""
The steps of an export, run by the pipeline's state machine.

Each may run again, after it failed or though it did not: the plan is frozen once, and the same
plan gives the same bytes under the same keys. A step of a completed job does nothing; of a
cancelled one it raises `JobCancelledError`. Nothing is in memory whole.
"""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func

from crawlset.exports import drafting, files, formats, manifest, side_files, writing
from crawlset.exports import plan as plans
from crawlset.exports.files import ExportDamagedError, WrittenFile
from crawlset.exports.formats.base import ExportFormat, SideFiles
from crawlset.exports.manifest import MANIFEST
from crawlset.exports.options import ExportOptions, MissingClasses
from crawlset.exports.repository import ExportRepository, FileRepository
from crawlset.jobs import pipeline_jobs
from crawlset.jobs.pipeline_repository import PipelineRepository
from crawlset.kit import db, objects
from crawlset.models import CrawlJob, ExportJob, JobStatus, ValidationJob
from crawlset.observability import logger, metrics
from crawlset.wire import keys
from crawlset.wire.exports import ExportPlan, Shard
from crawlset.wire.pipeline import ExportStep, StepError, grouped

LIFETIME = timedelta(days=30)
SIDE = "side"


class Note(BaseModel):
    """Message of one step to the verifier, through the bucket."""

    files: list[WrittenFile]
    n_images: int = 0
    left_out: dict[str, int] = {}
    """Number of images by reason, in the note of `finish`."""
    warnings: list[str] = []
    """What the loaders do that nobody would expect, in the note of `finish`."""


def run(message: ExportStep) -> dict[str, Any]:
    """
    Gives what the state machine asks of the step: the shards of the plan, or why it ends.

    Raises:
        JobCancelledError, JobFailedError: the job ended by another hand.
        NotFoundError: it was deleted.
        ExportDamagedError: what was read back is not what was written.
    """
    if message.step == "fail":
        return {"error": asdict(fail(message))}
    with db.transaction(message.user_id) as session:
        is_open = PipelineRepository(session).enter(ExportJob, message.export_job_id)
    shards: list[dict[str, int]] = []
    if is_open and message.step == "plan":
        shards = [{"index": shard.index} for shard in plan(message)]
    elif is_open:
        STEPS[message.step](message)
        _delete_if_ended(message)
    logger.info("export_step_done", step=message.step)
    return {"groups": grouped(shards)} if message.in_groups else {"shards": shards}


def plan(message: ExportStep) -> list[Shard]:
    """Freeze what the export holds, unless that is done; gives the shards to be written."""
    with db.transaction(message.user_id) as session:
        name = session.get_one(ExportJob, message.export_job_id).format
    planned = plans.find(message.export_job_id)
    if planned is None:
        planned = _drafted(message)
    logger.info("export_planned", images=planned.n_images, shards=len(planned.shards))
    return planned.shards if formats.load(name).has_data_files else []


def write_shard(message: ExportStep) -> None:
    """Write one file of data, straight from the packs."""
    export_format = _format_of(message)
    shard = export_format.plan.shards[message.index]
    name = export_format.data_name(shard)
    members = plans.members_of(message.export_job_id, export_format.plan, shard)
    with TemporaryDirectory() as directory:
        path = Path(directory, "data")
        results = writing.write(export_format, shard, members, objects.get_range, path)
        written = files.upload(message.export_job_id, path, name)
        plans.write_results(
            message.export_job_id, export_format.plan, shard, results, Path(directory, "results")
        )
    n_images = sum("left_out" not in result for result in results)
    _note(message.export_job_id, _shard_note(shard), Note(files=[written], n_images=n_images))
    metrics.add_metric(name="ExportBytes", unit="Bytes", value=written.file_size)
    logger.info("export_shard_written", shard=shard.index, images=n_images, bytes=written.file_size)


def finish(message: ExportStep) -> None:
    """Write the files beside those of data."""
    export_id = message.export_job_id
    with db.transaction(message.user_id) as session:
        job = session.get_one(ExportJob, export_id)
        crawl_job = session.get_one(CrawlJob, job.crawl_job_id)
        validation_job = None
        if job.validation_job_id is not None:
            validation_job = session.get(ValidationJob, job.validation_job_id)
    export_format = _format_of(message)
    data = [file for note in _shard_notes(message, export_format) for file in note.files]
    with TemporaryDirectory() as directory:
        written, summary = side_files.write(
            Path(directory),
            side_files.entries(export_id, export_format),
            crawl_job,
            validation_job,
            export_format,
            data,
            _tables(Path(directory), job, export_format.options),
        )
        if export_format.options.missing_classes is MissingClasses.fail:
            export_format.refuse_missing_classes(summary)
        for file in written:
            objects.put_file(keys.export_file(export_id, file.name), Path(directory, file.name))
    note = Note(
        files=written,
        n_images=summary.n_exported,
        left_out=summary.left_out,
        warnings=list(export_format.warnings(summary)),
    )
    _note(export_id, SIDE, note)
    logger.info(
        "export_side_files_written",
        candidates=summary.n_candidates,
        images=summary.n_exported,
        left_out=summary.left_out,
    )


def _tables(directory: Path, job: ExportJob, options: ExportOptions) -> list[SideFiles]:
    if options.images_table is None:
        return []
    from crawlset.exports.images_table import ImagesTableWriter  # noqa: PLC0415 - brings numpy

    return [ImagesTableWriter(directory, job, options.images_table)]


def verify_shard(message: ExportStep) -> None:
    """Read a file of data back, picture by picture."""
    export_format = _format_of(message)
    shard = export_format.plan.shards[message.index]
    (file,) = _noted(message.export_job_id, _shard_note(shard)).files
    expected = [
        (result["file_name"], result["exported_sha256"])
        for result in plans.results_of(message.export_job_id, export_format.plan, shard)
        if "left_out" not in result
    ]
    with TemporaryDirectory() as directory:
        path = Path(directory, "data")
        files.download(message.export_job_id, file, path)
        try:
            found = [(name, writing.sha256(body)) for name, body in export_format.read(path)]
        except ValueError as error:
            raise ExportDamagedError(file.name, str(error)) from error
    if found != expected:
        raise ExportDamagedError(file.name, "its pictures are not those planned")


def verify(message: ExportStep) -> None:
    """Read the other files back; if all is as planned, complete the export and show its files."""
    export_format = _format_of(message)
    notes = _shard_notes(message, export_format)
    side = _noted(message.export_job_id, SIDE)
    expected = export_format.plan.n_candidates, side.n_images
    if export_format.has_data_files and side.n_images != sum(note.n_images for note in notes):
        raise ExportDamagedError(MANIFEST, "it lists other images than were written")
    if export_format.plan.n_images != side.n_images + sum(side.left_out.values()):
        raise ExportDamagedError(MANIFEST, "it does not say what became of every image planned")
    with TemporaryDirectory() as directory:
        path = Path(directory, "file")
        for file in side.files:
            files.download(message.export_job_id, file, path)
            if file.name == MANIFEST and (damage := manifest.damage_of(path, *expected)):
                raise ExportDamagedError(file.name, damage)
    written = [*(file for note in notes for file in note.files), *side.files]
    _complete(message, side, written)


def fail(message: ExportStep) -> StepError:
    """
    Write down what went wrong, unless the job has ended, and delete what was written.

    Gives why the execution ends.
    """
    reason = pipeline_jobs.explain(message.error)
    with db.transaction(message.user_id) as session:
        job = session.get(ExportJob, message.export_job_id)
        if job is None:
            return pipeline_jobs.why_ended(message.error, None)
        awaited = ExportRepository(session).validation_status(job)
        is_cancelled = awaited is JobStatus.cancelled
        status = PipelineRepository(session).end(
            ExportJob,
            job.id,
            JobStatus.cancelled if is_cancelled else JobStatus.failed,
            None if is_cancelled else reason,
        )
        session.refresh(job)
        why = pipeline_jobs.why_ended(message.error, job)
    if status is not JobStatus.completed:
        files.delete_all(message.export_job_id)
    logger.warning("export_job_stopped", status=status, reason=reason)
    return why


def _delete_if_ended(message: ExportStep) -> None:
    """What was written after the export had ended, say by a takedown, is of no use to anyone."""
    with db.transaction(message.user_id) as session:
        job = session.get(ExportJob, message.export_job_id)
        has_ended = job is None or job.status in {JobStatus.failed, JobStatus.cancelled}
    if has_ended:
        files.delete_all(message.export_job_id)


STEPS = {
    "write_shard": write_shard,
    "finish": finish,
    "verify_shard": verify_shard,
    "verify": verify,
}


def _drafted(message: ExportStep) -> ExportPlan:
    with TemporaryDirectory() as directory:
        with db.transaction(message.user_id) as session:
            job = session.get_one(ExportJob, message.export_job_id)
            draft, classes = drafting.draft(session, job, Path(directory))
        return draft.freeze(message.export_job_id, classes)


def _format_of(message: ExportStep) -> ExportFormat:
    """The format with the plan and the options of the job."""
    with db.transaction(message.user_id) as session:
        job = session.get_one(ExportJob, message.export_job_id)
    planned = plans.find(message.export_job_id)
    if planned is None:
        raise ExportDamagedError("plan", "it is gone")
    options = ExportOptions.model_validate(job.export_options)
    return formats.load(job.format)(options, planned)


def _shard_note(shard: Shard) -> str:
    return f"{shard.split}-{shard.number:05d}"


def _shard_notes(message: ExportStep, export_format: ExportFormat) -> list[Note]:
    """Notes of every file of data."""
    if not export_format.has_data_files:
        return []
    return [
        _noted(message.export_job_id, _shard_note(shard)) for shard in export_format.plan.shards
    ]


def _complete(message: ExportStep, side: Note, written: list[WrittenFile]) -> None:
    size = sum(file.file_size for file in written)
    with db.transaction(message.user_id) as session:
        is_first = PipelineRepository(session).complete(
            ExportJob,
            message.export_job_id,
            n_images=side.n_images,
            left_out=side.left_out,
            warnings=side.warnings,
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
        logger.info("export_job_completed", images=side.n_images, files=len(written), bytes=size)


def _note(export_id: UUID, name: str, note: Note) -> None:
    objects.put(_note_key(export_id, name), note.model_dump_json().encode())


def _noted(export_id: UUID, name: str) -> Note:
    try:
        body = objects.get(_note_key(export_id, name))
    except objects.ObjectAbsentError as error:
        raise ExportDamagedError(name, "it was never written") from error
    return Note.model_validate_json(body)


def _note_key(export_id: UUID, name: str) -> str:
    return keys.export_file(export_id, f"plan/{name}.json")

"""Waiting for jobs in the open, and saying so when they end badly or Ctrl-C ends the waiting."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crawlset_client.api import Crawlset
from crawlset_client.cli.drawing import draw_job
from crawlset_client.cli.running import Run
from crawlset_client.errors import JobEndedError, WatchInterruptedError
from crawlset_client.hints import hints_of
from crawlset_client.models import CrawlJob, ExportJob, ValidationJob, Work
from crawlset_client.progress import Rate, Snapshot, crawl_snapshot, is_recrawling, wait_for


def watch_crawl(run: Run, crawlset: Crawlset, job: CrawlJob) -> CrawlJob:
    """The job once it has completed. Raises `JobEndedError` if it ends otherwise."""
    rate = Rate(run.outside.clock)
    is_recrawl = is_recrawling(job)
    crawl_snapshot(job, rate, is_recrawl=is_recrawl)
    ended = _watch(
        run,
        lambda: crawlset.jobs.get(job.project_id, job.id),
        lambda current: crawl_snapshot(current, rate, is_recrawl=is_recrawl),
        f"The crawl job goes on; see it with `crawlset jobs watch {job.id}`,"
        f" stop it with `crawlset jobs cancel {job.id}`.",
    )
    return _completed(ended, "crawl job")


def watch_validation(
    run: Run, crawlset: Crawlset, job: CrawlJob, validation: ValidationJob
) -> ValidationJob:
    """Follow a validation as `watch_crawl` follows a crawl."""
    ended = _watch(
        run,
        lambda: crawlset.validations.get(job.project_id, job.id, validation.id),
        validation_snapshot,
        f"The validation goes on; see it with `crawlset jobs show {job.id}`.",
    )
    return _completed(ended, "validation job")


def watch_export(run: Run, crawlset: Crawlset, job: CrawlJob, export: ExportJob) -> ExportJob:
    """Follow an export as `watch_crawl` follows a crawl."""
    with fetched_later(job, export):
        ended = _watch(
            run,
            lambda: crawlset.exports.get(job.project_id, job.id, export.id),
            export_snapshot,
            None,
        )
    return _completed(ended, "export job")


def show_job(run: Run, job: CrawlJob) -> None:
    """The job as the command's result, with hints beside it if it found less than was meant."""
    hints = hints_of(job)
    document = job.document | ({"hints": hints} if hints else {})
    run.output.result(document, lambda console: draw_job(console, job))
    for hint in hints:
        run.output.note(f"hint: {hint}")


@contextmanager
def fetched_later(job: CrawlJob, export: ExportJob) -> Iterator[None]:
    """Turn Ctrl-C into a word on how to fetch the export another time."""
    try:
        yield
    except KeyboardInterrupt:
        raise WatchInterruptedError(
            "Interrupted. Nothing is lost; fetch the export later with"
            f" `crawlset export {job.id} --export-id {export.id} --out DIR`."
        ) from None


def validation_snapshot(job: ValidationJob) -> Snapshot:
    parts = tuple((rule, f"{count:,}") for rule, count in sorted(job.by_rule.items()))
    return Snapshot("Validating", job.status, job.counts.judged, None, "images", parts=parts)


def export_snapshot(job: ExportJob) -> Snapshot:
    return Snapshot(f"Exporting as {job.format}", job.status, job.n_images or 0, None, "images")


def _watch[W: Work](
    run: Run, ask: Callable[[], W], measure: Callable[[W], Snapshot], goes_on: str | None
) -> W:
    try:
        with run.display() as display:
            return wait_for(ask, measure, display, run.outside.sleep)
    except KeyboardInterrupt:
        if goes_on is None:
            raise
        raise WatchInterruptedError(f"Interrupted. {goes_on}") from None


def _completed[W: Work](work: W, kind: str) -> W:
    if work.status == "completed":
        return work
    reason = f": {work.error_message}" if work.error_message else "."
    error = JobEndedError(f"The {kind} {work.id} {_ended(work.status)}{reason}")
    error.subject = {kind.replace(" ", "_"): work.document}
    raise error


def _ended(status: str) -> str:
    return "was cancelled" if status == "cancelled" else status

"""The main job, from three words to a dataset, and whether everything adds up."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crawlset_client.api import Crawlset
from crawlset_client.datasets import Dataset, Transfer, fetch_dataset
from crawlset_client.ledger import Check, checks_of
from crawlset_client.lookup import project_for
from crawlset_client.manifests import count_outcomes
from crawlset_client.models import CrawlJob, ExportJob, ValidationJob
from crawlset_client.relevance import MEASURER, JobRelevance, relevance_of

KEYWORDS = ("cat", "coffee", "rocket")
SOURCE = "sample"
PROJECT = "demo"
FORMAT = "imagefolder"


@dataclass(frozen=True)
class Waiting:
    """How to wait for each kind of work until it has completed."""

    crawl: Callable[[CrawlJob], CrawlJob]
    validation: Callable[[CrawlJob, ValidationJob], ValidationJob]
    export: Callable[[CrawlJob, ExportJob], ExportJob]


@dataclass(frozen=True)
class DemoReport:
    job: CrawlJob
    validation: ValidationJob
    export: ExportJob
    dataset: Dataset
    relevance: JobRelevance
    checks: tuple[Check, ...]

    @property
    def adds_up(self) -> bool:
        return all(check.holds for check in self.checks)


def run_demo(
    crawlset: Crawlset, waiting: Waiting, transfer: Transfer, datasets: Path
) -> DemoReport:
    """
    Crawl, validate, export, and unpack below `datasets`.

    Raises `CrawlsetError` when a step fails; a report whose counts disagree is returned.
    """
    with project_for(crawlset, PROJECT) as project:
        job = crawlset.jobs.create(
            project.id, ", ".join(KEYWORDS), keywords=KEYWORDS, sources=[SOURCE]
        )
    job = waiting.crawl(job)
    # Rules are the service's own; measuring decides nothing here.
    asked = crawlset.validations.create(project.id, job.id, {"measurers": [MEASURER]})
    validation = waiting.validation(job, asked)
    export = waiting.export(
        job,
        crawlset.exports.create(project.id, job.id, FORMAT, validation_job_id=validation.id),
    )
    dataset = fetch_dataset(crawlset, job, export, next_dataset(datasets), transfer)
    relevance = relevance_of(crawlset.images.list(project.id, job.id, status="stored"))
    return DemoReport(
        job,
        validation,
        export,
        dataset,
        relevance,
        tuple(_checks(job, validation, export, dataset)),
    )


def next_dataset(datasets: Path) -> Path:
    """The first of `demo-1`, `demo-2`, … that is not there."""
    n = 1
    while (datasets / f"demo-{n}").exists():
        n += 1
    return datasets / f"demo-{n}"


def _checks(
    job: CrawlJob, validation: ValidationJob, export: ExportJob, dataset: Dataset
) -> list[Check]:
    listed = count_outcomes(dataset.path)
    return [
        *checks_of(job),
        Check(
            f"stored {job.progress.stored:,} = kept {validation.counts.kept:,}"
            f" + rejected by validation {validation.counts.rejected:,}",
            validation.counts.judged == job.progress.stored,
        ),
        Check(
            f"{dataset.n_images:,} images unpacked, {export.n_images or 0:,} exported,"
            f" {validation.counts.kept:,} kept",
            dataset.n_images == export.n_images == validation.counts.kept > 0,
        ),
        Check(
            f"{listed.total():,} lines in the manifest with the outcomes counted",
            listed == job.outcomes,
        ),
    ]

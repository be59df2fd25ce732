"""
What a shell may complete with: words of our own, and names and ids that the service tells.

A person waits at the Tab key: nobody is asked without a key, everything ends after a second, and
whatever goes wrong, there is merely nothing to offer.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from threading import Thread

import typer

from crawlset_client.api import Crawlset
from crawlset_client.config import load_config, working_directory
from crawlset_client.lookup import find_job, find_project
from crawlset_client.models import CrawlJob, Project

Offer = tuple[str, str]
"""A word, and what a shell that can may say beside it."""
Completer = Callable[[typer.Context, str], list[Offer]]
Source = Callable[["Crawlset", typer.Context, str], Iterable[Offer]]

SECONDS = 1.0
"""The longest that a shell is kept waiting."""
PROJECTS, JOBS = 20, 50
"""How many of the newest are looked through, and in each of how many projects."""

STATUSES = ("pending", "running", "completed", "failed", "cancelled")
PRESETS = ("basic", "standard", "strict", "report_only")
FORMATS = (
    "imagefolder",
    "webdataset",
    "parquet",
    "coco",
    "yolo",
    "tfrecord",
    "csv",
    "json",
    "jsonl",
)
USES = ("research", "commercial", "ml-training")

PLAIN = re.compile(r"\w[\w.+,/-]*")
"""What every shell takes as one word; other names are offered by their ids."""
UNPRINTED = re.compile(r"[^\w .,@+/-]+")
"""What a shell may read as more than text: the zsh script evaluates what it is given."""
LONGEST_NOTE = 60


class BusyError(Exception):
    """The service asks to be asked later, and no shell waits."""


def words(*offered: str) -> Completer:
    """Complete with some of our own words."""

    def complete(_context: typer.Context, incomplete: str) -> list[Offer]:
        return [(word, "") for word in offered if word.startswith(incomplete)]

    return complete


def asking(source: Source) -> Completer:
    """Complete with what `source` learns from the service within a second."""

    def complete(context: typer.Context, incomplete: str) -> list[Offer]:
        found: list[Offer] = []

        def ask(crawlset: Crawlset) -> None:
            with suppress(Exception), crawlset:
                for word, note in source(crawlset, context, incomplete):
                    if word.startswith(incomplete) and PLAIN.fullmatch(word):
                        found.append((word, UNPRINTED.sub(" ", note)[:LONGEST_NOTE].strip()))

        with suppress(Exception):
            crawlset = _connect(context)
            if crawlset is not None:
                # Only a thread can be left behind while it looks up a name.
                asker = Thread(target=ask, args=(crawlset,), daemon=True)
                asker.start()
                asker.join(SECONDS)
        return list(found)

    return complete


def _connect(context: typer.Context) -> Crawlset | None:
    """The configured service; None where there is no key to ask it with."""
    config = load_config(os.environ, working_directory())
    if config.api_key is None:
        return None
    from crawlset_client.cli.running import Outside  # noqa: PLC0415 - it imports us

    outside = context.find_object(Outside) or Outside()
    return Crawlset(config.api_url, config.api_key, transport=outside.transport, sleep=_give_up)


def _give_up(_seconds: float) -> None:
    raise BusyError


def _projects(crawlset: Crawlset, _context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for project in crawlset.projects.list():
        is_word = PLAIN.fullmatch(project.name)
        yield (project.name, "") if is_word else (project.id, project.name)


def _jobs(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for project in _searched(crawlset, context):
        for job in islice(crawlset.jobs.list(project.id), JOBS):
            yield job.id, f"{job.name} - {job.status}"


def _deleted_projects(
    crawlset: Crawlset, _context: typer.Context, _incomplete: str
) -> Iterator[Offer]:
    for project in crawlset.projects.list(deleted=True):
        yield project.id, project.name  # several may have one name


def _deleted_jobs(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for project in _searched(crawlset, context):
        for job in islice(crawlset.jobs.list(project.id, deleted=True), JOBS):
            yield job.id, job.name


def _validations(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for validation in _job(crawlset, context).validation_jobs:
        yield validation.id, f"kept {validation.counts.kept} - {validation.status}"


def _exports(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for export in _job(crawlset, context).export_jobs:
        yield export.id, f"{export.format} - {export.status}"


def _exports_of_jobs(
    crawlset: Crawlset, context: typer.Context, incomplete: str
) -> Iterator[Offer]:
    """JOB/EXPORT, once a job is named; what has no slash may be a directory."""
    job_id, slash, _ = incomplete.partition("/")
    if not slash:
        return
    for export in _find(crawlset, context, job_id).export_jobs:
        yield f"{job_id}/{export.id}", f"{export.format} - {export.status}"


def _sources(crawlset: Crawlset, _context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for source in crawlset.sources.list():
        yield source.name, "" if source.configured else "not configured"


def _takedowns(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for takedown in crawlset.takedowns.list(_project(crawlset, context).id):
        yield takedown.id, takedown.status


def _templates(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for template in crawlset.templates.list(_project(crawlset, context).id):
        yield _named(template.id, template.name)


def _schedules(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for schedule in crawlset.schedules.list(_project(crawlset, context).id):
        yield _named(schedule.id, schedule.name)


def _webhooks(crawlset: Crawlset, _context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for webhook in crawlset.webhooks.list():
        yield webhook.id, webhook.url


def _deliveries(crawlset: Crawlset, context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for delivery in islice(crawlset.webhooks.list_deliveries(context.params["webhook_id"]), JOBS):
        yield delivery.id, delivery.status


def _hosts(crawlset: Crawlset, _context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for proof in crawlset.hosts.list():
        yield proof.host, proof.status


def _keys(crawlset: Crawlset, _context: typer.Context, _incomplete: str) -> Iterator[Offer]:
    for key in crawlset.keys.list():
        if key.revoked_at is None:
            yield key.id, key.name


complete_projects = asking(_projects)
complete_jobs = asking(_jobs)
complete_deleted_projects = asking(_deleted_projects)
complete_deleted_jobs = asking(_deleted_jobs)
complete_validations = asking(_validations)
complete_exports = asking(_exports)
complete_exports_of_jobs = asking(_exports_of_jobs)
complete_sources = asking(_sources)
complete_takedowns = asking(_takedowns)
complete_templates = asking(_templates)
complete_schedules = asking(_schedules)
complete_webhooks = asking(_webhooks)
complete_deliveries = asking(_deliveries)
complete_hosts = asking(_hosts)
complete_keys = asking(_keys)


def _named(id_: str, name: str) -> Offer:
    """By name where that is a word, else by id."""
    return (name, "") if PLAIN.fullmatch(name) else (id_, name)


def _searched(crawlset: Crawlset, context: typer.Context) -> Iterator[Project]:
    if context.params.get("project"):
        yield _project(crawlset, context)
    else:
        yield from islice(crawlset.projects.list(), PROJECTS)


def _project(crawlset: Crawlset, context: typer.Context) -> Project:
    """The project named before on the line, or the one that commands take without one."""
    named = context.params.get("project") or load_config(os.environ, working_directory()).project
    return find_project(crawlset, named)


def _job(crawlset: Crawlset, context: typer.Context) -> CrawlJob:
    """The job named before on the line; a line that ends in an option has not been taken apart."""
    return _find(crawlset, context, context.params.get("job") or context.args[0])


def _find(crawlset: Crawlset, context: typer.Context, job_id: str) -> CrawlJob:
    return find_job(crawlset, job_id, context.params.get("project"))

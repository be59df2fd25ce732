"""`crawlset up` and `crawlset demo`."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

from crawlset_client.api import Crawlset
from crawlset_client.cli.drawing import draw_checks, draw_dataset, draw_outcomes, draw_relevance
from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.cli.watching import watch_crawl, watch_export, watch_validation
from crawlset_client.config import PROFILE, find_home, load_config, working_directory
from crawlset_client.demo import DemoReport, Waiting, run_demo
from crawlset_client.display import StepList
from crawlset_client.errors import ConfigError, DoesNotAddUpError, NotRunningError, UsageError
from crawlset_client.laptop import (
    EMULATOR_PORT,
    GATEWAY_PORT,
    POSTGRES_PORT,
    SAMPLE_PORT,
    STEP_NAMES,
    CloudOptions,
    Step,
)
from crawlset_client.models import CrawlJob, ExportJob, ValidationJob
from crawlset_client.text import plain

Port = Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port of the API.")]
EmulatorPort = Annotated[
    int, typer.Option(min=1, max=65535, metavar="PORT", help="Port of the AWS emulator.")
]
PostgresPort = Annotated[
    int, typer.Option(min=1, max=65535, metavar="PORT", help="Port of PostgreSQL.")
]
SamplePort = Annotated[
    int, typer.Option(min=1, max=65535, metavar="PORT", help="Port of the sample site.")
]
Home = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where the data is kept; CRAWLSET_HOME or .crawlset."),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", envvar="DATABASE_URL", help="Use this PostgreSQL and start none."),
]


PRIVATE_HOST = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
OWNED_HOST = re.compile(r"[A-Za-z0-9.-]+")

app = typer.Typer()


@app.command()
def up(
    context: typer.Context,
    *,
    port: Port = GATEWAY_PORT,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    postgres_port: PostgresPort = POSTGRES_PORT,
    sample_port: SamplePort = SAMPLE_PORT,
    home: Home = None,
    database_url: DatabaseUrl = None,
    private_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="A private host that may be crawled and told of events; can be repeated.",
        ),
    ] = None,
    owned_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A host of yours, for `crawlset crawl --per-host`; can be repeated.",
        ),
    ] = None,
    towers: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A pair of networks like CLIP's, for `crawlset find`; see docs/measurers.md.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    with running(context, as_json=as_json) as run:
        options = CloudOptions(
            (home or find_home(os.environ, working_directory())).resolve(),
            port,
            emulator_port,
            postgres_port,
            sample_port,
            database_url,
            tuple(private_host or ()),
            tuple(owned_host or ()),
            towers.resolve() if towers is not None else None,
        )
        _check(options)
        cloud = run.outside.laptop.make(options)
        tick = _ticker(run)

        def hear(step: Step) -> None:
            tick(step)
            if step.step == "ready":
                _say_ready(run, cloud.api_url, cloud.api_key, options.home / PROFILE)

        run.outside.laptop.serve(cloud, hear)
        run.output.note("Stopped. The data is kept; `crawlset up` goes on from here.")


def _check(options: CloudOptions) -> None:
    ports = [options.port, options.emulator_port, options.postgres_port, options.sample_port]
    if len(set(ports)) < len(ports):
        raise UsageError(
            f"Each part needs a port of its own; these are {', '.join(map(str, ports))}."
        )
    if options.towers is not None and not options.towers.is_dir():
        raise UsageError(f"{options.towers} is no folder.")
    for host in options.private_hosts:
        if not PRIVATE_HOST.fullmatch(host):
            raise UsageError(
                f"{host!r} is no private host: give HOST:PORT, such as localhost:9000."
            )
    for host in options.owned_hosts:
        if not OWNED_HOST.fullmatch(host):
            raise UsageError(
                f"{host!r} is no host: give a name without a port, such as images.example.org."
            )


@app.command()
def demo(
    context: typer.Context,
    *,
    port: Port = GATEWAY_PORT,
    emulator_port: EmulatorPort = EMULATOR_PORT,
    postgres_port: PostgresPort = POSTGRES_PORT,
    sample_port: SamplePort = SAMPLE_PORT,
    home: Home = None,
    database_url: DatabaseUrl = None,
    datasets: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the dataset goes, as demo-<n>.")
    ] = Path("datasets"),
    as_json: AsJson = False,
) -> None:
    """Make a dataset from the sample site, and check every count."""
    with running(context, as_json=as_json) as run, _terminable():
        options = CloudOptions(
            (home or find_home(os.environ, working_directory())).resolve(),
            port,
            emulator_port,
            postgres_port,
            sample_port,
            database_url,
        )
        with _some_cloud(run, options) as crawlset:
            report = _run_demo(run, crawlset, datasets)
        document = document_of(report)
        if report.adds_up or not as_json:
            run.output.result(document, lambda console: draw_report(console, report))
        if not report.adds_up:
            broken = "; ".join(check.claim for check in report.checks if not check.holds)
            error = DoesNotAddUpError(f"It does not add up: {broken}.")
            error.subject = document
            raise error


def document_of(report: DemoReport) -> dict[str, Any]:
    return {
        "crawl_job": report.job.document,
        "validation_job": report.validation.document,
        "export_job": report.export.document,
        "relevance": {
            "keywords": [asdict(one) for one in report.relevance.keywords],
            "error": report.relevance.error,
        },
        "checks": [{"claim": check.claim, "holds": check.holds} for check in report.checks],
        "path": str(plain(report.dataset.path)),
        "n_images": report.dataset.n_images,
        "splits": report.dataset.splits,
    }


def draw_report(console: Console, report: DemoReport) -> None:
    draw_outcomes(console, report.job)
    draw_checks(console, report.checks)
    console.print()
    draw_relevance(console, report.relevance)
    draw_dataset(console, report.dataset)


def _run_demo(run: Run, crawlset: Crawlset, datasets: Path) -> DemoReport:
    def crawled(job: CrawlJob) -> CrawlJob:
        return watch_crawl(run, crawlset, job)

    def validated(job: CrawlJob, validation: ValidationJob) -> ValidationJob:
        return watch_validation(run, crawlset, job, validation)

    def exported(job: CrawlJob, export: ExportJob) -> ExportJob:
        return watch_export(run, crawlset, job, export)

    waiting = Waiting(crawled, validated, exported)
    return run_demo(crawlset, waiting, run.transfer, datasets)


@contextmanager
def _some_cloud(run: Run, options: CloudOptions) -> Iterator[Crawlset]:
    """The configured service if it answers; else a cloud of our own, stopped afterwards."""
    environ = {**os.environ, "CRAWLSET_HOME": str(options.home)}
    # A deployment that the user's own file names has no sample site.
    config = load_config(environ, working_directory(), with_file=False)
    is_named = config.named_by != "default"
    api_url = config.api_url if is_named else f"http://127.0.0.1:{options.port}"
    with run.connect_to(api_url, config.api_key) as configured:
        if configured.is_up():
            if config.api_key is None:
                raise ConfigError(
                    f"{api_url} answers, but there is no key for it here. Set CRAWLSET_API_KEY,"
                    " run this where `crawlset up` runs, or choose another --port."
                )
            run.output.note(f"Using the service at {api_url}.")
            yield configured
            return
    if config.named_by == "environment":
        raise NotRunningError(api_url)
    cloud = run.outside.laptop.make(options)
    try:
        run.outside.laptop.start(cloud, _ticker(run))
        with run.connect_to(cloud.api_url, cloud.api_key) as crawlset:
            yield crawlset
    finally:
        run.output.note("Stopping what was started.")
        with _undisturbed():
            cloud.stop()


def _ticker(run: Run) -> Callable[[Step], None]:
    steps = StepList(run.output.messages, run.outside.clock)

    def tick(step: Step) -> None:
        if step.step != "ready":
            steps.tick(STEP_NAMES.get(step.step, step.step), step.detail)

    return tick


def _say_ready(run: Run, api_url: str, api_key: str, profile: Path) -> None:
    def draw(console: Console) -> None:
        console.print()
        for name, value in (("address", api_url), ("profile", profile), ("API key", api_key)):
            console.print(f"  {name:<8} {value}", soft_wrap=True)
        console.print("\nPress Ctrl-C to stop.")

    run.output.result({"api_url": api_url, "api_key": api_key, "profile": str(profile)}, draw)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that what it started is stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C leave half of it running."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

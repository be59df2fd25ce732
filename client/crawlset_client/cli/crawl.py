"""`crawlset crawl`."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from crawlset_client.api import Crawlset
from crawlset_client.cli.bringing_lists import BUCKET, project_and_lists
from crawlset_client.cli.completion import USES, complete_projects, complete_sources, words
from crawlset_client.cli.drawing import draw_estimate
from crawlset_client.cli.running import AsJson, Run, running
from crawlset_client.cli.watching import show_job, watch_crawl
from crawlset_client.errors import UsageError
from crawlset_client.models import CrawlJob
from crawlset_client.text import printable

URLS = "urls"
LISTS = (URLS, "open_images", "laion", "gbif_downloads", "inaturalist_open_data")
"""Sources whose candidates come in a file."""
IS_URL = re.compile(r"\s*(https?://|www\.)", re.IGNORECASE)
OPTION_NAMES = {"keep_columns": "keep_column", "keep_repeated": "count_repeated"}
MAX_NAME = 200
PROBES_SECONDS = 30.0
"""Then the estimate goes without the sources that have not answered."""
POLL_SECONDS = 1.0


class Signal(StrEnum):
    """How a server says that it does not want its pictures used; the API's names."""

    robots = "robots"
    tdmrep = "tdmrep"
    x_robots_tag = "x-robots-tag"
    tdm_reservation = "tdm-reservation"
    content_usage = "content-usage"
    xmp_data_mining = "xmp-data-mining"


class ResizeMode(StrEnum):
    no = "no"
    border = "border"
    keep_ratio = "keep_ratio"
    keep_ratio_largest = "keep_ratio_largest"
    center_crop = "center_crop"


class StoredFormat(StrEnum):
    jpeg = "jpeg"
    png = "png"
    webp = "webp"


class TakenFormat(StrEnum):
    """Every format that is decoded; the API's names."""

    jpeg = "jpeg"
    png = "png"
    webp = "webp"
    gif = "gif"
    avif = "avif"
    bmp = "bmp"
    ico = "ico"
    tiff = "tiff"
    heic = "heic"
    jp2 = "jp2"
    jxl = "jxl"


app = typer.Typer()


@app.command()
def crawl(
    context: typer.Context,
    *,
    keywords: Annotated[list[str] | None, typer.Argument(metavar="KEYWORD")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Where to search; can be repeated. `crawlset sources` lists them.",
            autocompletion=complete_sources,
        ),
    ] = None,
    urls: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A list of URLs instead: .txt .csv .tsv .json .jsonl .parquet .zip .tar.gz, a"
            " folder of them, or s3://bucket/prefix/; can be repeated, and more files may follow.",
        ),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|ID",
            help="A name that is not there is created; `default` if not given or configured.",
            autocompletion=complete_projects,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What to call the job.")] = None,
    max_images: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Try no more candidates than this.")
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only works under this licence; can be repeated."),
    ] = None,
    intended_use: Annotated[
        str | None,
        typer.Option(
            metavar="USE", help="research, commercial or ml-training", autocompletion=words(*USES)
        ),
    ] = None,
    plurals: Annotated[
        bool, typer.Option("--plurals", help="Search for English plurals as well.")
    ] = False,
    language: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Search for Wikidata's word in it as well: de, fr, ja; can be repeated.",
        ),
    ] = None,
    suggestions: Annotated[
        bool, typer.Option("--suggestions", help="And for what the deployment's model suggests.")
    ] = False,
    resize: Annotated[
        ResizeMode | None,
        typer.Option(help="Store pictures brought to --size this way, not as received."),
    ] = None,
    size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="The side that --resize means: 16 to 4096.")
    ] = None,
    stored_format: Annotated[
        StoredFormat | None,
        typer.Option("--format", help="Format of resized pictures; jpeg if not given."),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(metavar="N", help="1 to 100; for png its compression, 0 to 9."),
    ] = None,
    only_if_bigger: Annotated[
        bool, typer.Option("--only-if-bigger", help="Let smaller pictures keep their size.")
    ] = False,
    formats: Annotated[
        list[TakenFormat] | None,
        typer.Option(
            help="A format to take, and no other; can be repeated. If not given, what every"
            " browser shows."
        ),
    ] = None,
    transcode: Annotated[
        StoredFormat | None,
        typer.Option(help="Take pictures in all other formats too, and store them in this one."),
    ] = None,
    keep_location: Annotated[
        bool,
        typer.Option(
            "--keep-location", help="Keep where files say they were taken, which may be a home."
        ),
    ] = False,
    url_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The list's column of URLs; in JSON also image.url."),
    ] = None,
    caption_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its column of captions.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its column of classes.")
    ] = None,
    licence_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its column of licences.")
    ] = None,
    creator_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its column of creators.")
    ] = None,
    sha256_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Refuse files that have not the SHA-256 of this column."),
    ] = None,
    md5_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Refuse files that have not the MD5 of this column."),
    ] = None,
    keep_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Keep this of the other columns, not all; can be repeated."
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The list's encoding, if not UTF-8: latin-1, utf-16"),
    ] = None,
    count_repeated: Annotated[
        bool,
        typer.Option(
            "--count-repeated", help="Keep the first row of a URL only, and count the others."
        ),
    ] = False,
    ignore: Annotated[
        list[Signal] | None,
        typer.Option(help="An opt-out not to heed, where you may; can be repeated."),
    ] = None,
    min_gap: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="At least so long between requests to one host."),
    ] = None,
    per_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST=N",
            help="Ask a host that the deployment owns for N at once, 8 to 128; can be repeated.",
        ),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Say what it would find, take and cost; start nothing."),
    ] = False,
    watch: Annotated[bool, typer.Option(help="Wait for the job to end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Crawl images by keywords or from a list of URLs."""
    with running(context, as_json=as_json) as run:
        keywords, urls = _with_files(keywords or [], urls or [])
        _check_usage(keywords, source, urls)
        if resize and transcode and transcode != (stored_format or StoredFormat.jpeg):
            raise UsageError(
                "--resize stores every picture in the format of --format (jpeg if not given):"
                " give --transcode the same, or leave it out."
            )
        request: dict[str, Any] = {
            "name": (name or _usual_name(keywords, urls))[:MAX_NAME],
            "keywords": keywords or None,
            "sources": source or [URLS] if urls else source,
            "max_images": max_images,
            "licences": licence,
            "intended_use": intended_use,
            "expansion": _expansion(plurals=plurals, languages=language, suggestions=suggestions),
            "policy": _policy(ignore or [], min_gap),
            "per_host": _per_host(per_host or []),
            "resize": _resize(
                mode=resize,
                size=size,
                format=stored_format,
                quality=quality,
                only_if_bigger=only_if_bigger or None,
            ),
            "formats": formats,
            "transcode": transcode,
            "keep_location": keep_location or None,
            **_list_options(
                urls,
                url_column=url_column,
                caption_column=caption_column,
                label_column=label_column,
                licence_column=licence_column,
                creator_column=creator_column,
                sha256_column=sha256_column,
                md5_column=md5_column,
                keep_columns=keep_column,
                encoding=encoding,
                keep_repeated=False if count_repeated else None,
            ),
        }
        project = run.project(project)
        with run.connect() as crawlset:
            if estimate:
                _estimate(run, crawlset, project, urls, request)
                return
            with project_and_lists(run, crawlset, project, urls, request) as project_id:
                job = crawlset.jobs.create(project_id, **request)
            _finish(run, crawlset, job, watch=watch)


def _with_files(keywords: list[str], urls: list[str]) -> tuple[list[str], list[str]]:
    """Take words behind --urls that are files or folders as lists, as a shell writes `*.csv`."""
    if not urls or not keywords or not all(Path(word).exists() for word in keywords):
        return keywords, urls
    return [], [*urls, *keywords]


def _usual_name(keywords: list[str], urls: list[str]) -> str:
    if not urls:
        return ", ".join(keywords)
    first = urls[0] if urls[0].startswith(BUCKET) else Path(urls[0]).resolve().name
    others = f" and {len(urls) - 1:,} more" if len(urls) > 1 else ""
    return printable(first)[: MAX_NAME - len(others)] + others


def _check_usage(keywords: list[str], source: list[str] | None, urls: list[str]) -> None:
    if urls:
        if keywords:
            raise UsageError("Give keywords or --urls, not both.")
        if source and (len(source) > 1 or source[0] not in LISTS):
            raise UsageError(
                f"--urls reads a file and searches nothing: leave --source {source[0]} out, or name"
                f" the kind of list with it: {', '.join(LISTS)}."
            )
    elif not keywords:
        raise UsageError("Give at least one keyword, or a list of URLs with --urls FILE.")
    elif not source:
        raise UsageError("Say where to search with --source; `crawlset sources` lists them.")
    elif lists := [name for name in source if name in LISTS]:
        raise UsageError(f"--source {lists[0]} reads a list; give it with --urls FILE.")
    elif url := next((word for word in keywords if IS_URL.match(word)), None):
        raise UsageError(
            f"{url!r} is a URL, no word to search for; put URLs into a file and give --urls FILE."
        )


def _list_options(urls: list[str], **options: Any) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value not in (None, [])}
    if given and not urls:
        option = OPTION_NAMES.get(name := next(iter(given)), name).replace("_", "-")
        raise UsageError(f"--{option} is for a list; give it with --urls FILE.")
    return given


def _expansion(**wanted: Any) -> dict[str, Any] | None:
    return {name: value for name, value in wanted.items() if value} or None


def _policy(ignored: list[Signal], min_gap: float | None) -> dict[str, Any] | None:
    policy: dict[str, Any] = {signal.name: False for signal in ignored}
    if min_gap is not None:
        policy["min_gap_seconds"] = min_gap
    return policy or None


def _per_host(given: list[str]) -> dict[str, int] | None:
    allowed = {}
    for each in given:
        host, _, n = each.rpartition("=")
        if not host or not n.isdecimal():
            raise UsageError(f"{each!r}: give HOST=N, such as images.example.org=64.")
        allowed[host] = int(n)
    return allowed or None


def _resize(**options: Any) -> dict[str, Any] | None:
    given = {name: value for name, value in options.items() if value is not None}
    if given and not {"mode", "size"} <= given.keys():
        raise UsageError("To store pictures resized, give both --resize and --size.")
    return given or None


def _estimate(
    run: Run, crawlset: Crawlset, project: str, places: list[str], request: dict[str, Any]
) -> None:
    with project_and_lists(run, crawlset, project, places, request, keep=False) as project_id:
        estimate = crawlset.jobs.estimate(project_id, **request)
        give_up = run.outside.clock() + PROBES_SECONDS
        with run.output.messages.status("Asking the sources what they have…"):
            while not estimate.is_complete and run.outside.clock() < give_up:
                run.outside.sleep(POLL_SECONDS)
                estimate = crawlset.jobs.estimate(project_id, **request)
    run.output.result(estimate.document, lambda console: draw_estimate(console, estimate))


def _finish(run: Run, crawlset: Crawlset, job: CrawlJob, *, watch: bool) -> None:
    if watch:
        run.output.note(f"Crawl job {job.id}")
        job = watch_crawl(run, crawlset, job)
    else:
        run.output.note(f"Started. See it with `crawlset jobs watch {job.id}`.")
    show_job(run, job)

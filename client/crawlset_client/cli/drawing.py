"""Results as a person reads them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console

from crawlset_client.datasets import Dataset
from crawlset_client.ledger import Check, conservation
from crawlset_client.manifests import Difference
from crawlset_client.models import (
    Cost,
    CrawlJob,
    Estimate,
    Event,
    ExportJob,
    Image,
    Probe,
    Project,
    Recrawl,
    ValidationJob,
    Withheld,
)
from crawlset_client.output import table
from crawlset_client.progress import describe_wait, size
from crawlset_client.relevance import MEASURES, JobRelevance
from crawlset_client.text import moment, plain, printable

DIFFERENCES_SHOWN = 20


def draw_projects(console: Console, projects: Sequence[Project]) -> None:
    rows = [
        (project.id, project.name, moment(project.created_at), _until(project))
        for project in projects
    ]
    _table(console, ("id", "name", "created", "can be restored until"), rows)


def draw_jobs(console: Console, jobs: Sequence[CrawlJob]) -> None:
    rows = [
        (
            job.id,
            job.name,
            job.status,
            job.progress.candidates,
            job.progress.stored,
            moment(job.created_at),
            _until(job),
        )
        for job in jobs
    ]
    columns = ("id", "name", "status", "candidates", "stored", "created", "can be restored until")
    _table(console, columns, rows)


def _until(deleted: Project | CrawlJob) -> str | None:
    return moment(deleted.purges_at) if deleted.purges_at is not None else None


def _table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Without the last column, of what was deleted, where nothing was."""
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    table(console, columns, rows)


def draw_events(console: Console, events: Iterable[Event]) -> None:
    """A line each, as they come."""
    for event in events:
        outcomes = event.data.get("outcomes") or {}
        what = event.data.get("error_message") or ", ".join(
            f"{outcome} {n:,}" for outcome, n in sorted(outcomes.items())
        )
        line = f"{moment(event.created_at)}  {event.type:<24} {event.data['id']}  {what}"
        console.print(printable(line.rstrip()), soft_wrap=True)


def draw_job(console: Console, job: CrawlJob) -> None:
    console.print(printable(f"{job.name}: {job.status}"), soft_wrap=True)
    facts = {
        "id": job.id,
        "project": job.project_id,
        "sources": ", ".join(job.sources),
        "keywords": ", ".join(job.keywords),
        "licences": ", ".join(job.licences),
        "error": job.error_message,
        "stored": f"{job.progress.stored:,} images, {size(job.bytes_stored)}",
        "chunks": f"{job.chunks.completed:,} of {job.chunks.total:,} completed",
    }
    for name, fact in facts.items():
        if fact:
            console.print(f"  {name:<10} {printable(fact)}", soft_wrap=True)
    draw_searches(console, job)
    draw_outcomes(console, job)
    if job.recrawl is not None:
        draw_recrawl(console, job.recrawl)
    if job.cost is not None:
        draw_cost(console, job.cost)
    draw_checks(console, [conservation(job.progress)])
    for validation in job.validation_jobs:
        draw_validation(console, validation)
    for export in job.export_jobs:
        draw_export(console, export)


def draw_searches(console: Console, job: CrawlJob) -> None:
    """What sources were asked and said, and what the job waits for."""
    for search in job.searches:
        what = f"{search.source} {search.keyword or ''}".strip()
        is_list = search.keyword is None
        if search.queries:
            asked = ", ".join(f"{query.query} ({query.by})" for query in search.queries)
            console.print(printable(f"  search {what}: {asked}"), soft_wrap=True)
        if search.error_message:
            console.print(printable(f"  search {what}: {search.error_message}"), soft_wrap=True)
        if n := search.n_repeated:
            kept = ", and what others say is kept" if is_list and job.keep_repeated else ""
            line = f"  search {what}: {n:,} had a URL that came before; the first one counts{kept}"
            console.print(printable(line), soft_wrap=True)
        if n := search.n_skipped:
            why = "rows are no pictures" if is_list else "answers of the source could not be read"
            line = f"  search {what}: {n:,} {why}"
            console.print(printable(line), soft_wrap=True)
        if n := search.n_unread:
            line = f"  search {what}: {n:,} files of the list could not be read"
            console.print(printable(line), soft_wrap=True)
        for unread in search.unread_lists or ():
            line = f"  search {what}: {unread.name}: {unread.reason}"
            console.print(printable(line), soft_wrap=True)
        if n := search.n_altered:
            line = f"  search {what}: {n:,} have a text that could not be kept whole"
            console.print(printable(line), soft_wrap=True)
    for wait in job.waiting:
        what = "searches" if wait.kind == "source" else "images"
        line = f"  waiting for {describe_wait(wait, datetime.now(UTC))}, {wait.n_waiting:,} {what}"
        console.print(printable(line), soft_wrap=True)


def draw_estimate(console: Console, estimate: Estimate) -> None:
    n, known = estimate.candidates, estimate.assumptions.get("n_images_known", 0)
    facts = {
        "candidates": f"{n.expected:,} ({n.low:,} to {n.high:,})",
        "images": f"{estimate.images:,} ({estimate.expected_yield:.0%}), {size(estimate.bytes)}",
        "time": f"{estimate.seconds:,.0f} s",
        "known from": f"{estimate.assumptions.get('basis', '?')}, {known:,} candidates",
    }
    for name, fact in facts.items():
        console.print(f"  {name:<10} {printable(fact)}", soft_wrap=True)
    if estimate.probes:
        rows = [
            (probe.source, probe.keyword, _has(probe), _mix(probe)) for probe in estimate.probes
        ]
        table(console, ("source", "keyword", "has", "licences of a sample"), rows)
    draw_cost(console, estimate.cost)


def _has(probe: Probe) -> str:
    if probe.status == "answered":
        return f"{probe.total:,}" if probe.total is not None else "it does not say"
    return probe.error_message or "no answer yet"


def _mix(probe: Probe) -> str:
    n_sampled = sum(probe.licences.values())
    shares = sorted(probe.licences.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {n / n_sampled:.0%}" for name, n in shares)


def draw_cost(console: Console, cost: Cost) -> None:
    rows = [(item, f"${dollars:.4f}") for item, dollars in cost.document.items()]
    table(console, ("cost on AWS", "dollars"), rows)


def draw_outcomes(console: Console, job: CrawlJob) -> None:
    if job.outcomes:
        rows = sorted(job.outcomes.items(), key=lambda item: (-item[1], item[0]))
        table(console, ("outcome", "images"), rows)


def draw_recrawl(console: Console, recrawl: Recrawl) -> None:
    found = [f"{n:,} {name.replace('_', ' ')}" for name, n in recrawl.found.items()]
    if recrawl.pending:
        found.append(f"{recrawl.pending:,} pending")
    line = f"asked again for {recrawl.asked:,}: {', '.join(found)}"
    console.print(f"{line} ({moment(recrawl.started_at)})", soft_wrap=True)


def draw_images(console: Console, images: Sequence[Image]) -> None:
    is_recrawled = any(image.change for image in images)
    rows = [
        (
            str(image.id),
            image.outcome or image.status,
            *((image.change,) if is_recrawled else ()),
            f"{image.width}x{image.height}" if image.width else None,
            size(image.file_size) if image.file_size is not None else None,
            image.licence,
            image.url,
        )
        for image in images
    ]
    found = ("change",) if is_recrawled else ()
    columns = ("id", "outcome", *found, "pixels", "size", "licence", "url")
    table(console, columns, rows)


def draw_checks(console: Console, checks: Sequence[Check]) -> None:
    for check in checks:
        sign, style = ("✓", "green") if check.holds else ("✗", "bold red")
        console.print(f"{sign} {printable(check.claim)}", style=style, soft_wrap=True)


def draw_relevance(console: Console, relevance: JobRelevance) -> None:
    if relevance.error:
        console.print(f"relevance not measured: {printable(relevance.error)}\n", soft_wrap=True)
    rows = [
        (
            one.keyword,
            str(one.n_images),
            *(f"{one.medians[name]:.3f}" if name in one.medians else None for name in MEASURES),
            one.looks_like,
            one.taken_for or None,
        )
        for one in relevance.keywords
    ]
    if rows:
        names = [name.replace("_", " ") for name in MEASURES]
        table(console, ("keyword", "images", *names, "looks like", "classes of"), rows)


def draw_validation(console: Console, job: ValidationJob) -> None:
    line = f"validation {job.id}: {job.status}"
    line += f", kept {job.counts.kept:,}"
    if job.counts.quarantined:
        line += f", quarantined {job.counts.quarantined:,}"
    line += f", rejected {job.counts.rejected:,}"
    if job.counts.errors:
        line += f", errors {job.counts.errors:,}"
    if job.by_rule:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in sorted(job.by_rule.items()))
        line += f" ({rules})"
    console.print(printable(line), soft_wrap=True)


def draw_export(console: Console, job: ExportJob) -> None:
    line = f"export {job.id}: {job.format}, {job.status}"
    if job.n_images is not None:
        line += f", {job.n_images:,} images"
    if job.left_out:
        line += f", left out {left_out(job)}"
    if job.file_size is not None:
        line += f", {size(job.file_size)}"
    if job.withheld is not None:
        line += f"; {_why_withheld(job.withheld)}"
    console.print(printable(line), soft_wrap=True)


def left_out(job: ExportJob) -> str:
    """How many chosen images are not in the export, by reason."""
    counts = ", ".join(f"{reason} {n:,}" for reason, n in sorted(job.left_out.items()))
    return f"{sum(job.left_out.values()):,} ({counts})"


def _why_withheld(withheld: Withheld) -> str:
    by = f"by takedown {withheld.takedown_id}"
    if withheld.is_removed:
        return f"its files were removed {by}"
    if withheld.removes_at is None:
        return f"its files are withheld {by}"
    return f"its files are withheld {by}, which can be revoked until {moment(withheld.removes_at)}"


def draw_dataset(console: Console, dataset: Dataset) -> None:
    classes = sorted({name for split in dataset.splits.values() for name in split})
    rows: list[Sequence[object]] = [
        (name, *(split.get(name, 0) for split in dataset.splits.values())) for name in classes
    ]
    rows.append(("all", *(sum(split.values()) for split in dataset.splits.values())))
    table(console, ("class", *dataset.splits), rows)
    console.print(
        printable(f"{dataset.n_images:,} images in {plain(dataset.path)}"), soft_wrap=True
    )


def draw_difference(console: Console, difference: Difference) -> None:
    rows = [
        ("same", difference.n_same),
        ("added", len(difference.added)),
        ("removed", len(difference.removed)),
        ("replaced", len(difference.replaced)),
        ("re-labelled", len(difference.relabelled)),
        ("in another split", len(difference.moved)),
    ]
    table(console, ("images", "n"), rows)
    for url in difference.added[:DIFFERENCES_SHOWN]:
        console.print(printable(f"+ {url}"), soft_wrap=True)
    _tell_rest(console, "+", len(difference.added))
    for sign, changes in (
        ("-", difference.removed),
        ("!", difference.replaced),
        ("~", difference.relabelled),
        (">", difference.moved),
    ):
        for change in changes[:DIFFERENCES_SHOWN]:
            told = f"{sign} {change.url}  {change.before} → {change.after or 'not there'}"
            console.print(printable(told), soft_wrap=True)
        _tell_rest(console, sign, len(changes))


def _tell_rest(console: Console, sign: str, n: int) -> None:
    if n > DIFFERENCES_SHOWN:
        rest = f"{sign} … and {n - DIFFERENCES_SHOWN:,} more; --json lists them all"
        console.print(rest, soft_wrap=True)

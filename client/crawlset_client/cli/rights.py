"""`crawlset provenance` and `crawlset summary`."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from crawlset_client.cli.completion import complete_jobs, complete_projects
from crawlset_client.cli.running import AsJson, InProject, running
from crawlset_client.lookup import find_job, find_project
from crawlset_client.text import moment, printable

app = typer.Typer()


@app.command()
def provenance(
    context: typer.Context,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="The crawl job's id.", autocompletion=complete_jobs)
    ],
    image: Annotated[int, typer.Argument(metavar="IMAGE", help="The image's id.")],
    project: InProject = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show where an image comes from, what was said about using it, and what decided."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        found = find_job(crawlset, job, project)
        document = crawlset.images.get_provenance(found.project_id, found.id, image)
        run.output.result(
            document,
            lambda console: console.print("\n".join(provenance_lines(document)), soft_wrap=True),
        )


@app.command()
def summary(
    context: typer.Context,
    project: Annotated[
        str,
        typer.Argument(metavar="PROJECT", help="Its name or id.", autocompletion=complete_projects),
    ],
    *,
    job: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Only this crawl job.", autocompletion=complete_jobs),
    ] = None,
    sme: Annotated[
        bool, typer.Option("--sme", help="List as many domains as small providers must.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print sections 2.3 and 3.1 of the EU's summary of training content, in Markdown."""
    with running(context, as_json=as_json) as run, run.connect() as crawlset:
        project_id = find_project(crawlset, project).id
        job_id = find_job(crawlset, job, project_id).id if job else None
        document = crawlset.projects.get_summary(project_id, job_id=job_id, is_sme=sme)
        run.output.result(
            document,
            lambda console: console.print("\n".join(summary_lines(document)), soft_wrap=True),
        )


def provenance_lines(document: dict[str, Any]) -> Iterator[str]:
    """A line a fact; what is not known is left out."""
    found, rights, decision = document["found"], document["rights"], document["decision"]
    facts = {
        "url": found["url"],
        "page": found["landing_url"],
        "source": f"{found['source']}, place {found['rank']}",
        "query": found["query"],
        "licence": rights["licence"],
        "as stated": rights["licence_raw"],
        "creator": rights["creator"],
        "attribution": rights["attribution"],
        "outcome": decision["outcome"] or decision["status"],
        "decided by": decision["rule"],
    }
    if document["fetch"] is not None:
        facts["fetched"] = (
            f"{moment(document['fetch']['at'])} from {document['fetch']['address'] or '-'}"
        )
        facts["sha256"] = document["fetch"]["sha256"]
    for name, value in facts.items():
        if value is not None:
            yield f"{name:<12} {printable(value)}"
    for name, value in (rights.get("embedded") or {}).items():
        if value is not None:
            yield f"{'file says':<12} {name.replace('_', ' ')}: {printable(str(value))}"
    for signal in document["signals"]:
        word = "refuses" if signal["is_refusal"] else "allows"
        rule = printable(signal["rule"] or "no rule for it")
        yield f"{'signal':<12} {signal['signal']} {word}: {rule} (sha256 {signal['sha256'] or '-'})"


def summary_lines(document: dict[str, Any]) -> Iterator[str]:
    crawled, rights = document["section_2_3"], document["section_3_1"]
    period = crawled["period"]
    yield "## 2.3 Data crawled and scraped from online sources"
    yield ""
    for crawler in crawled["crawlers"]:
        yield f"- Crawler: {crawler['name']} {crawler['version']}, `{crawler['user_agent']}`"
    yield f"- Purpose: {', '.join(crawled['purposes']) or '-'}"
    yield f"- Period: {_day(period['first'])} to {_day(period['last'])}"
    yield f"- Content: {crawled['n_images']:,} images, {crawled['bytes']:,} bytes"
    for name in ("content", "sources", "licences"):
        counts = sorted(crawled[name].items(), key=lambda item: -item[1])
        yield f"- By {NAMES[name]}: " + (", ".join(f"{k} {n:,}" for k, n in counts) or "-")
    yield "- Behaviour:"
    for line in crawled["behaviour"]:
        yield f"  - {line}"
    yield ""
    yield f"### Domains by bytes ({crawled['listed_share']} of {crawled['n_domains']:,})"
    yield ""
    yield "| domain | images | bytes |"
    yield "| --- | ---: | ---: |"
    for domain in crawled["domains"]:
        yield f"| {printable(domain['domain'])} | {domain['n_images']:,} | {domain['bytes']:,} |"
    yield ""
    yield "## 3.1 Respect of reservations of rights from text and data mining"
    yield ""
    yield "| signal | standard | jobs that heed it |"
    yield "| --- | --- | ---: |"
    for measure in rights["measures"]:
        heeded = f"{measure['n_jobs']} of {rights['n_jobs']}"
        yield f"| {measure['signal']} | {measure['standard']} | {heeded} |"
    yield ""
    refused = ", ".join(f"{outcome} {n:,}" for outcome, n in sorted(rights["refused"].items()))
    yield f"- Candidates refused: {refused or 'none'}"
    yield (
        f"- Takedowns: {rights['n_takedowns']:,}, by which {rights['n_taken_down']:,} candidates "
        "were removed"
    )


NAMES = {"content": "format", "sources": "source", "licences": "licence"}


def _day(at: str | None) -> str:
    return at[:10] if at else "-"
